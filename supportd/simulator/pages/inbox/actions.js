/** What an operator does to a conversation or ticket besides talking. */

import { el, icon } from "../shared/dom.js";

const SNOOZE_S = 3600;
const TICKET_STATES = ["submitted", "in_progress", "waiting_on_customer", "resolved"];

/** The state, and the buttons that change it. @param {any} app @param {any} item @param {(action: string, body?: object) => void} act */
export function stateActions(app, item, act) {
  return item.type === "ticket" ? ticketActions(app, item, act) : conversationActions(app, item, act);
}

function conversationActions(app, item, act) {
  const button = (action, text, body = () => ({})) =>
    el("button", { class: "button", type: "button", text: app.t(text), dataset: { act: action }, onclick: () => act(action, body()) });
  if (item.state === "closed") return [button("open", "reopen")];
  const snooze = () => button("snooze", "snooze", () => ({ until: app.now + SNOOZE_S }));
  return [item.state === "snoozed" ? button("unsnooze", "unsnooze") : snooze(), button("close", "close")];
}

function ticketActions({ t }, item, act) {
  const select = el("select", { class: "input input--select", "aria-label": t("state"), dataset: { act: "state" } },
    ...TICKET_STATES.map((state) => el("option", { value: state, text: t(state), selected: state === item.ticket_state.category })));
  const share = item.is_shared ? "unshare" : "share";
  const move = el("button", { class: "button", type: "button", text: t("move"), dataset: { act: "move" }, onclick: () => act("state", { state: select.value }) });
  return [select, move, el("button", { class: "button", type: "button", text: t(share), dataset: { act: share }, onclick: () => act(share) })];
}

/** Tags, each with a way to take it off. @param {any} app @param {any} item @param {(name: string) => void} untag */
export function tagsOf({ t }, item, untag) {
  const tags = item.type === "ticket" ? item.tags : item.tags.tags;
  return tags.map((tag) => el("span", { class: "badge" }, tag.name,
    el("button", { class: "untag", type: "button", "aria-label": `${t("untag")} ${tag.name}`, onclick: () => untag(tag.name) }, icon("close"))));
}

/** The field for a new tag. @param {any} app @param {(action: string, body: object) => Promise<boolean>} act */
export function newTag({ t }, act) {
  const name = el("input", { class: "input input--tag", "aria-label": t("newTag"), placeholder: t("newTag"), maxlength: "60", required: true });
  const submit = async (event) => {
    event.preventDefault();
    if (await act("tags", { name: name.value.trim() })) name.value = "";
  };
  return el("form", { class: "row", onsubmit: submit }, name,
    el("button", { class: "button button--quiet button--icon", "aria-label": t("addTag") }, icon("plus")));
}
