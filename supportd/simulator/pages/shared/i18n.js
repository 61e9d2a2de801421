/** English and Russian: texts by key, plural forms, times and sizes. */

/** @typedef {"en"|"ru"} Language */

const BYTES = { unit: "byte", of: 1, digits: 0 };
const SIZES = [{ unit: "megabyte", of: 1e6, digits: 1 }, { unit: "kilobyte", of: 1e3, digits: 0 }];

/**
 * The language to use: `?lang=`, else what the browser prefers.
 * @returns {Language}
 */
export function pickLanguage() {
  const asked = new URLSearchParams(location.search).get("lang") ?? navigator.language;
  return asked.toLowerCase().startsWith("ru") ? "ru" : "en";
}

/**
 * Texts and formats of one language. A text may have `{names}`; a plural is an object by `Intl.PluralRules`' categories,
 * chosen by `count`.
 */
export class I18n {
  /**
   * @param {Record<Language, Record<string, string | Record<string, string>>>} texts
   * @param {Language} language
   */
  constructor(texts, language) {
    this.language = language;
    this.texts = texts[language];
    this.plurals = new Intl.PluralRules(language);
    document.documentElement.lang = language;
  }

  /**
   * The text under a key.
   * @param {string} key
   * @param {Record<string, string | number>} [values]
   */
  t = (key, values = {}) => {
    const found = this.texts[key];
    if (found === undefined) throw new Error(`no text for ${key} in ${this.language}`);
    const text = typeof found === "string" ? found : found[this.plurals.select(Number(values.count))] ?? found.other;
    return text.replace(/\{(\w+)\}/g, (_, name) => String(values[name]));
  };

  /** @param {number} ms @returns {string} such as 14:05 */
  time = (ms) => new Date(ms).toLocaleTimeString(this.language, { hour: "2-digit", minute: "2-digit" });

  /** @param {number} ms @returns {string} such as 5 March, or today */
  day = (ms) =>
    new Date(ms).toDateString() === new Date().toDateString()
      ? new Intl.RelativeTimeFormat(this.language, { numeric: "auto" }).format(0, "day")
      : new Date(ms).toLocaleDateString(this.language, { day: "numeric", month: "long" });

  /** @param {number} ms @returns {string} the time for today, else the day */
  when = (ms) => (new Date(ms).toDateString() === new Date().toDateString() ? this.time(ms) : this.day(ms));

  /** @param {number} value @returns {string} with one digit after the point */
  decimal = (value) => value.toLocaleString(this.language, { minimumFractionDigits: 1, maximumFractionDigits: 1 });

  /** @param {number} bytes @returns {string} such as 1.2 MB */
  size = (bytes) => {
    const { unit, of, digits } = SIZES.find((each) => bytes >= each.of) ?? BYTES;
    const unitDisplay = unit === "byte" ? "long" : "short";
    const format = new Intl.NumberFormat(this.language, { style: "unit", unit, unitDisplay, maximumFractionDigits: digits });
    return format.format(bytes / of);
  };
}
