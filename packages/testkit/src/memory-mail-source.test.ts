import { randomUUID } from "node:crypto";
import { Secret } from "@mailfleet/domain";
import { describeMailSource } from "./describe-mail-source.ts";
import { memoryMailSource } from "./memory-mail-source.ts";

describeMailSource("memoryMailSource", async () => {
  const login = (user: string, password = "right") =>
    ({ kind: "password", user, password: Secret.of(password) }) as const;
  const mail = memoryMailSource({ login });
  return {
    async open() {
      const user = `${randomUUID()}@memory.test`;
      const folder = mail.folder(user);
      return {
        source: mail.source,
        mailbox: mail.mailbox(user),
        wrongLogin: login(user, "not-the-password"),
        deliver: async (raw) => void folder.deliver(raw),
        expunge: async (uid) => folder.expunge(uid),
        tells: true,
        resetUidValidity: async () => folder.resetUidValidity(),
      };
    },
  };
});
