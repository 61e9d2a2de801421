/** Where one writes: words, files with their progress, and the button that sends. */

import { el, fill, icon } from "../shared/dom.js";
import { explain } from "./head.js";

const MOST_FILES = 10;
const ACCEPTED = ".jpg,.jpeg,.png,.gif,.webp,.bmp,.pdf,.mp4,.txt";

/** @param {any} app @param {(body: string, files: import("./client.js").StoredFile[]) => void} onSend */
export function composer(app, onSend) {
  const { t } = app;
  let files = [];
  const words = el("textarea", {
    class: "input", rows: "1", maxlength: "10000", "aria-label": t("message"), placeholder: t("write"), oninput: () => grow(),
    onkeydown: (event) => event.key === "Enter" && !event.shiftKey && !event.isComposing && submit(event),
  });
  const picker = el("input", { type: "file", multiple: true, accept: ACCEPTED, class: "visually-hidden", "aria-label": t("attach"), tabindex: "-1", onchange: () => take() });
  const uploads = el("ul", { class: "uploads", "aria-label": t("files") });
  const problem = el("p", { class: "problem", role: "alert" });

  const grow = () => words.setAttribute("rows", String(Math.min(6, words.value.split("\n").length)));
  const show = () => fill(uploads, ...files.map((file) => file.node));
  const take = () => {
    const room = MOST_FILES - files.length;
    problem.textContent = picker.files.length > room ? t("tooManyFiles", { count: MOST_FILES }) : "";
    for (const chosen of [...picker.files].slice(0, room)) upload(chosen);
    picker.value = "";
  };
  const upload = async (chosen) => {
    const canceller = new AbortController();
    const bar = el("progress", { max: "1", value: "0", "aria-label": `${t("uploading")} ${chosen.name}` });
    const drop = () => {
      canceller.abort();
      files = files.filter((each) => each !== file);
      show();
    };
    const remove = el("button", { class: "button button--quiet", type: "button", "aria-label": `${t("remove")} ${chosen.name}`, onclick: drop }, icon("close"));
    const file = { name: chosen.name, node: el("li", { class: "upload" }, icon("file"), el("span", { class: "grow", text: chosen.name }), bar, remove) };
    files.push(file);
    show();
    try {
      Object.assign(file, await app.client.upload(chosen, (share) => (bar.value = share), canceller.signal));
      bar.hidden = true;
      file.node.dataset.stored = "";
    } catch (error) {
      if (canceller.signal.aborted) return;
      drop();
      if (error.kind === "refused" && error.code !== "rate_limited") problem.textContent = t("badFile", { name: chosen.name });
      else explain(app, problem, error);
    }
  };
  const submit = (event) => {
    event.preventDefault();
    const body = words.value.trim();
    if (!body && !files.length) return;
    if (files.some((file) => !file.id)) return void (problem.textContent = t("stillUploading"));
    const sent = files;
    words.value = "";
    files = [];
    problem.textContent = "";
    grow();
    show();
    onSend(body, sent);
  };
  return el("form", { class: "composer", onsubmit: submit }, problem, uploads,
    el("div", { class: "composer__row" }, picker,
      el("button", { class: "button button--quiet button--icon", type: "button", "aria-label": t("attach"), onclick: () => picker.click() }, icon("attach")),
      words,
      el("button", { class: "button button--primary button--icon", "aria-label": t("send") }, icon("send"))));
}
