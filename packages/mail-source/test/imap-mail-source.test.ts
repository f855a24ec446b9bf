import { randomUUID } from "node:crypto";
import { Secret } from "@mailfleet/domain";
import { describeMailSource } from "@mailfleet/testkit";
import { hasServer, startDovecot, startEmbeddedMail } from "@mailfleet/testkit/servers";
import { describe } from "vitest";
import { createImapMailSource } from "../src/index.ts";
import { loopbackGuard } from "./loopback-guard.ts";

const login = (user: string, password: string) => ({ kind: "password", user, password: Secret.of(password) }) as const;

describe.skipIf(!hasServer("dovecot")).each(["tls", "starttls"] as const)("Dovecot, %s", (security) => {
  describeMailSource("createImapMailSource", async () => {
    const dovecot = await startDovecot();
    const { host, caPem, password } = dovecot;
    const source = createImapMailSource({ guard: loopbackGuard, tls: { caPem }, now: () => new Date() });
    const server = { host, port: security === "tls" ? dovecot.imapsPort : dovecot.imapPort, security };
    return {
      async open() {
        const user = `${randomUUID()}@dovecot.test`;
        return {
          source,
          mailbox: { server, login: login(user, password) },
          wrongLogin: login(user, "not-the-password"),
          deliver: (raw) => dovecot.deliver(user, raw),
          expunge: (uid) => dovecot.expunge(user, uid),
          tells: true,
          resetUidValidity: () => dovecot.bumpUidValidity(user),
        };
      },
      close: dovecot.close,
    };
  });
});

describeMailSource("createImapMailSource, against the embedded mail server,", async () => {
  const addresses = Array.from({ length: 40 }, (_, index) => `user-${index}@embedded.test`);
  const mail = await startEmbeddedMail({ users: addresses.map((address) => ({ address, password: "right" })) });
  const { host, imapPort, caPem } = mail;
  const source = createImapMailSource({ guard: loopbackGuard, tls: { caPem }, now: () => new Date() });
  return {
    async open() {
      const user = addresses.pop();
      if (user === undefined) throw new Error("more tests than mailboxes");
      return {
        source,
        mailbox: { server: { host, port: imapPort, security: "tls" }, login: login(user, "right") },
        wrongLogin: login(user, "not-the-password"),
        deliver: async (raw) => mail.deliver(user, raw),
        expunge: async (uid) => mail.expunge(user, uid),
        tells: false,
        resetUidValidity: async () => mail.resetUidValidity(user),
      };
    },
    close: mail.close,
  };
});
