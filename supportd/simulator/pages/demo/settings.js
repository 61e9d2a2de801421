/** What the user is notified of. Each switch is saved when it is turned. */

import { el, fill } from "../shared/dom.js";
import { explain, head } from "./head.js";

const KINDS = ["chatMessages", "ticketUpdates", "systemNotices"];

export function settingsView(app, pane) {
  const { t } = app;
  const problem = el("p", { class: "problem", role: "alert" });
  const list = el("div", { class: "form" }, problem);
  fill(pane, head(app, t("settings")), list);
  const load = () => app.client.preferences().then(show, (error) => explain(app, problem, error));
  const show = (preferences) => fill(list, el("h2", { text: t("notifications") }), ...KINDS.map((kind) => row(kind, preferences)), problem);
  const row = (kind, preferences) => {
    const box = el("input", { type: "checkbox", role: "switch", onchange: () => save(kind, box) });
    box.checked = preferences[kind];
    return el("label", { class: "switch switch--row" }, el("span", { class: "grow", text: t(kind) }), box);
  };
  const save = async (kind, box) => {
    try {
      await app.client.prefer({ [kind]: box.checked });
      problem.textContent = "";
    } catch (error) {
      box.checked = !box.checked;
      explain(app, problem, error);
    }
  };
  load();
  return { resume: load };
}
