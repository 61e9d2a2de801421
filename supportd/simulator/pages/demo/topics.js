/** What requests are about. The API and operators know a topic by its English name, users by its name in their language. */

export const TOPICS = ["Cards", "Payments", "Account", "Other"];

/** @param {any} app @param {string} topic @returns {string} its name, also of one that isn't ours */
export function topicName(app, topic) {
  return TOPICS.includes(topic) ? app.t(`topic${topic}`) : topic;
}

/** @param {any} app @param {import("./client.js").Summary} summary @returns {string} what the conversation is called */
export function titleOf(app, summary) {
  return summary.title || (summary.reason ? topicName(app, summary.reason.main) : app.t("conversation"));
}
