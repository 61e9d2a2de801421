/** The simulator's control API, as far as an operator needs it. */

/** What a call fails with. `status` 0: no answer came. */
export class WorkspaceError extends Error {
  /** @param {number} status @param {string} message */
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

/** @typedef {"conversations"|"tickets"} Kind */

export class Workspace {
  /** The list and the troubles. */
  inbox = () => call("GET", "/_sim/inbox");

  /** One conversation or ticket, with all its parts. @param {Kind} kind @param {string} id */
  item = (kind, id) => call("GET", `/_sim/${kind}/${id}`);

  /** Does something to it, and answers with it as it is then. @param {Kind} kind @param {string} id @param {string} action @param {object} [body] */
  act = (kind, id, action, body = {}) => call("POST", `/_sim/${kind}/${id}/${action}`, body);

  /** @param {Kind} kind @param {string} id @param {string} name */
  untag = (kind, id, name) => call("DELETE", `/_sim/${kind}/${id}/tags/${encodeURIComponent(name)}`);

  /** Sets some of the troubles. @param {object} changes */
  trouble = (changes) => call("POST", "/_sim/faults", changes);

  /** Ends them all. */
  noTrouble = () => call("DELETE", "/_sim/faults");
}

async function call(method, path, body) {
  const headers = body ? { "Content-Type": "application/json" } : {};
  const answer = await fetch(path, { method, headers, body: body && JSON.stringify(body) }).catch((error) => {
    throw new WorkspaceError(0, error.message);
  });
  const json = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new WorkspaceError(answer.status, json.error ?? answer.statusText);
  return json;
}
