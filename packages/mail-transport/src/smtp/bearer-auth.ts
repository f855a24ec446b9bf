import type { Login } from "@mailfleet/domain";
import type { SMTPConnectionAuth, SMTPConnectionCustomAuthHandler } from "nodemailer/lib/smtp-connection";

/**
 * XOAUTH2, written here because the library's own answers a refusal by asking for another token and forgets the refusal's
 * text, and that text tells a stale token from a mailbox that may not send. Getting tokens is the token provider's work.
 */
export const bearerMethod = "BEARER";

/** What the library logs in with. Passwords go by AUTH PLAIN, or LOGIN where that is all the server offers. */
export function authOf(login: Login): SMTPConnectionAuth {
  if (login.kind === "password") return { user: login.user, pass: login.password.reveal() };
  return { method: bearerMethod, user: login.user, pass: login.token.reveal() };
}

export const bearerAuth: SMTPConnectionCustomAuthHandler = async ({ auth, sendCommand }) => {
  const { user, pass } = auth.credentials;
  const initial = Buffer.from(`user=${user}\u0001auth=Bearer ${pass}\u0001\u0001`).toString("base64");
  const first = await sendCommand(`AUTH XOAUTH2 ${initial}`);
  // A refusal comes as a challenge that holds its reason; the empty answer to it gets the final reply.
  const last = first.response.startsWith("334") ? await sendCommand("") : first;
  if (!last.response.startsWith("235")) throw new Error("the server refused the token");
};
