/** Sessions, as a wallet's own backend mints them. Here the simulator's process plays that backend. */

import { ApiError } from "./client.js";

/**
 * @typedef {{ api: string, token: string, expiresAt: number }} Session
 * @param {string} user
 * @param {number} ttlS how long it holds, in seconds
 * @returns {Promise<Session>}
 * @throws {ApiError} if that backend is away, or has no session for this user
 */
export async function mintSession(user, ttlS) {
  const answer = await fetch("/demo/session", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ user, ttl: ttlS }),
  }).catch((error) => {
    throw new ApiError(0, "offline", error.message);
  });
  if (!answer.ok) throw new ApiError(answer.status, "no_session", "no session");
  return answer.json();
}
