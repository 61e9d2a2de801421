/** Sessions, as a wallet's own backend mints them. Here the simulator's process plays that backend. */

/**
 * @typedef {{ api: string, token: string, expiresAt: number }} Session
 * @param {string} user
 * @param {number} ttlS how long it holds, in seconds
 * @returns {Promise<Session>}
 */
export async function mintSession(user, ttlS) {
  const answer = await fetch("/demo/session", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ user, ttl: ttlS }),
  });
  if (!answer.ok) throw new Error(`no session: ${answer.status}`);
  return answer.json();
}
