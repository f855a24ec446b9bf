import { inspect } from "node:util";
import { type Login, type MailboxId, OperationalError, type TokenProvider } from "@mailfleet/domain";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

export type TokenProviderFixture<Access> = {
  readonly provider: TokenProvider<Access>;
  /** The gate's yes for one mailbox. */
  accessTo(mailboxId: MailboxId): Promise<Access>;
  /** Two mailboxes with different logins; `secret` is what must never be printed. */
  readonly mailboxes: readonly [TokenProviderMailbox, TokenProviderMailbox];
  readonly withoutCredential: MailboxId;
  /** What is stored for it does not open, or is not what its flow needs; `planted` is a secret inside it. */
  readonly unreadable: { readonly mailboxId: MailboxId; readonly planted: string };
  close?(): Promise<void>;
};

export type TokenProviderMailbox = {
  readonly mailboxId: MailboxId;
  readonly kind: Login["kind"];
  readonly user: string;
  readonly secret: string;
};

const never = { signal: new AbortController().signal };

/** What every TokenProvider promises. An adapter's test file is one call to this. */
export function describeTokenProvider<Access>(name: string, start: () => Promise<TokenProviderFixture<Access>>): void {
  describe(`${name} is a TokenProvider`, () => {
    let fixture: TokenProviderFixture<Access>;
    beforeAll(async () => {
      fixture = await start();
    });
    afterAll(async () => fixture.close?.());

    const loginOf = async (mailboxId: MailboxId, options = never) =>
      fixture.provider.login(await fixture.accessTo(mailboxId), mailboxId, options);
    const failureOf = (mailboxId: MailboxId) =>
      loginOf(mailboxId).then(
        () => expect.fail("a login was handed out"),
        (error: unknown) => error,
      );

    it("gives each mailbox its own login", async () => {
      for (const { mailboxId, kind, user, secret } of fixture.mailboxes) {
        const login = await loginOf(mailboxId);
        expect([login.kind, login.user, secretOf(login)]).toEqual([kind, user, secret]);
      }
    });

    it("keeps logins apart when many ask at the same time", async () => {
      const asked = Array.from({ length: 40 }, (_, index) => fixture.mailboxes[index % 2 === 0 ? 0 : 1]);
      const logins = await Promise.all(asked.map(({ mailboxId }) => loginOf(mailboxId)));
      expect(logins.map(({ user }) => user)).toEqual(asked.map(({ user }) => user));
      expect(logins.map(secretOf)).toEqual(asked.map(({ secret }) => secret));
    });

    it("prints no secret, however a login is printed", async () => {
      for (const { mailboxId, secret } of fixture.mailboxes) {
        const login = await loginOf(mailboxId);
        const printed = [
          JSON.stringify(login),
          inspect(login, { depth: 9, showHidden: true }),
          Object.values(login).join(),
        ];
        expect(printed.join()).not.toContain(secret);
      }
    });

    it("says credential.missing for a mailbox that has none", async () => {
      expect(await failureOf(fixture.withoutCredential)).toMatchObject({ code: "credential.missing" });
    });

    it("says credential.unreadable for what it cannot read, and repeats nothing of it", async () => {
      const { mailboxId, planted } = fixture.unreadable;
      const failure = await failureOf(mailboxId);
      expect(failure).toBeInstanceOf(OperationalError);
      expect(failure).toMatchObject({ code: "credential.unreadable" });
      expect(inspect(failure, { depth: 9, showHidden: true })).not.toContain(planted);
    });

    it("does nothing for a caller who has already left", async () => {
      const reason = new Error("the caller left");
      const [{ mailboxId }] = fixture.mailboxes;
      await expect(loginOf(mailboxId, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    });

    it("never hands out a bearer token again that the mail server refused, and keeps a password", async () => {
      const [{ mailboxId }, other] = fixture.mailboxes;
      const access = await fixture.accessTo(mailboxId);
      const refused = await fixture.provider.login(access, mailboxId, never);
      await fixture.provider.reject(access, mailboxId, refused, never);

      const next = await fixture.provider.login(access, mailboxId, never).catch((error: unknown) => error);
      if (refused.kind === "password") expect(next).toEqual(refused);
      else expect(inspect(isLogin(next) ? secretOf(next) : next)).not.toContain(secretOf(refused));
      expect(secretOf(await loginOf(other.mailboxId))).toBe(other.secret);
    });
  });
}

function secretOf(login: Login): string {
  return login.kind === "password" ? login.password.reveal() : login.token.reveal();
}

function isLogin(value: unknown): value is Login {
  return !(value instanceof Error);
}
