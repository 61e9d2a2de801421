/** Where an operator writes: an answer, an internal note, or what the assistant says. */

import { el, fill, icon } from "../shared/dom.js";
import { mark, toHtml } from "./markup.js";

const MODES = { reply: "reply", note: "note", bot_reply: "bot" };

/** @param {any} app @param {(action: string, body: object) => Promise<boolean>} act answers whether it was done */
export function composer(app, act) {
  const { t } = app;
  const stand = { words: t("markedWords"), address: t("linkAddress") };
  let files = [];
  const words = el("textarea", { class: "input", rows: "3", "aria-label": t("message"), placeholder: t("write"), onkeydown: (event) => quick(event) });
  const modes = Object.entries(MODES).map(([action, text], at) => mode(action, t(text), at === 0));
  const picker = el("input", { type: "file", multiple: true, class: "visually-hidden", tabindex: "-1", "aria-label": t("attach"), onchange: () => take() });
  const chosen = el("span", { class: "muted small grow", role: "status" });
  const marks = ["bold", "list", "link"].map((kind) =>
    el("button", { class: "button button--quiet button--icon", type: "button", "aria-label": t(kind), onclick: () => mark(words, kind, stand) }, icon(kind)));

  const take = async () => {
    files = await Promise.all([...picker.files].map(asUpload));
    picker.value = "";
    chosen.textContent = files.map((file) => file.name).join(", ");
  };
  const quick = (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) submit(event);
    if (event.key === "b" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      mark(words, "bold", stand);
    }
  };
  const submit = async (event) => {
    event.preventDefault();
    const action = form.elements.mode.value;
    const body = toHtml(words.value);
    const takesFiles = action === "reply";
    if (!body && !(takesFiles && files.length)) return;
    if (!(await act(action, takesFiles ? { body, files } : { body }))) return;
    words.value = "";
    files = [];
    chosen.textContent = "";
  };
  const form = el("form", { class: "composer", onsubmit: submit });
  fill(form,
    el("div", { class: "composer__tools" }, el("fieldset", { class: "chips" }, el("legend", { class: "visually-hidden", text: t("as") }), ...modes),
      el("div", { class: "marks" }, ...marks)),
    words,
    el("div", { class: "composer__row" }, picker,
      el("button", { class: "button button--quiet button--icon", type: "button", "aria-label": t("attach"), onclick: () => picker.click() }, icon("attach")),
      chosen, el("button", { class: "button button--primary" }, icon("send"), t("send"))));
  return form;
}

function mode(action, text, checked) {
  return el("label", { class: "chip chip--small" }, el("input", { type: "radio", name: "mode", value: action, checked }), text);
}

/** A file as the control API takes it, in base64. @param {File} file */
function asUpload(file) {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve({ name: file.name, content_type: file.type || "application/octet-stream", data: String(reader.result).split(",")[1] ?? "" });
    reader.onerror = () => reject(reader.error);
    reader.readAsDataURL(file);
  });
}
