import { inspect } from "node:util";
import { MailboxId, newId, OperationalError, TenantId } from "@mailfleet/domain";
import { describeTokenProvider } from "@mailfleet/testkit";
import { describe, expect, it } from "vitest";
import { grantForMailbox } from "../../test/grant-for-mailbox.ts";
import { credentialOf, memoryCredentialReader } from "../../test/memory-credential-reader.ts";
import { createTokenProvider } from "../create-token-provider.ts";
import { createPasswordFlow } from "./create-password-flow.ts";

const never = { signal: new AbortController().signal };

describeTokenProvider("createTokenProvider with createPasswordFlow", async () => {
  const now = () => new Date();
  const tenantId = newId(TenantId);
  const [one, two, none, broken] = [newId(MailboxId), newId(MailboxId), newId(MailboxId), newId(MailboxId)];
  const credentials = memoryCredentialReader(
    new Map([
      [one, credentialOf("password", { user: "one@example.test", password: "hunter-one" })],
      [two, credentialOf("password", { user: "two@example.test", password: "pässwörd two" })],
      [broken, credentialOf("password", { user: 7, passwort: "planted-in-vain" })],
    ]),
  );
  return {
    provider: createTokenProvider({ flows: [createPasswordFlow()], credentials, now }),
    accessTo: (mailboxId) => grantForMailbox(tenantId, mailboxId, now),
    mailboxes: [
      { mailboxId: one, kind: "password", user: "one@example.test", secret: "hunter-one" },
      { mailboxId: two, kind: "password", user: "two@example.test", secret: "pässwörd two" },
    ],
    withoutCredential: none,
    unreadable: { mailboxId: broken, planted: "planted-in-vain" },
  };
});

describe("the password flow", () => {
  const planted = "planted-in-vain";
  it.each([
    ["no object", planted],
    ["nothing", null],
    ["no password", { user: planted }],
    ["an empty password", { user: planted, password: "" }],
    ["a password that is no text", { user: planted, password: 42 }],
    ["a NUL in the password", { user: "u", password: `${planted}\0` }],
    ["a NUL in the user name", { user: `${planted}\0`, password: planted }],
    ["an endless password", { user: "u", password: planted.repeat(100) }],
    ["a field nobody knows", { user: "u", password: planted, [planted]: true }],
  ])("refuses material with %s, names the credential and repeats nothing of it", async (_, material) => {
    const credential = credentialOf("password", material);
    const failure: unknown = await Promise.try(() => createPasswordFlow().obtain(credential, never)).catch(
      (error: unknown) => error,
    );
    expect(failure).toBeInstanceOf(OperationalError);
    expect(failure).toMatchObject({
      code: "credential.unreadable",
      message: expect.stringContaining(credential.credentialId),
    });
    expect(inspect(failure, { depth: 9, showHidden: true })).not.toContain(planted);
  });

  it.each([" leading and trailing ", '"quoted\\', "ünïcödé", "line\r\nbreak"])(
    "hands out %j as it was given",
    async (password) => {
      const { login } = await createPasswordFlow().obtain(credentialOf("password", { user: "u", password }), never);
      expect(login.kind === "password" && login.password.reveal()).toBe(password);
    },
  );
});
