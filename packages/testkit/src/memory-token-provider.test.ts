import { type Login, MailboxId, newId, OperationalError, Secret } from "@mailfleet/domain";
import { describeTokenProvider } from "./describe-token-provider.ts";
import { memoryTokenProvider } from "./memory-token-provider.ts";

describeTokenProvider("memoryTokenProvider", async () => {
  const [one, two, none, broken] = [newId(MailboxId), newId(MailboxId), newId(MailboxId), newId(MailboxId)];
  const logins = new Map<MailboxId, Login | OperationalError>([
    [
      one,
      { kind: "bearer", user: "one@example.test", token: Secret.of("token-of-one"), expiresAt: new Date("2030-01-01") },
    ],
    [two, { kind: "password", user: "two@example.test", password: Secret.of("password-of-two") }],
    [broken, new OperationalError("credential.unreadable", "it does not open")],
  ]);
  return {
    provider: memoryTokenProvider(logins),
    accessTo: async () => null,
    mailboxes: [
      { mailboxId: one, kind: "bearer", user: "one@example.test", secret: "token-of-one" },
      { mailboxId: two, kind: "password", user: "two@example.test", secret: "password-of-two" },
    ],
    withoutCredential: none,
    unreadable: { mailboxId: broken, planted: "what-lies-in-it" },
  };
});
