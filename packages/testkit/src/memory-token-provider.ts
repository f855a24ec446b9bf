import { type Login, type MailboxId, OperationalError, type TokenProvider } from "@mailfleet/domain";

/** Hands out the logins it was given; a rejected bearer token is gone. An error in place of a login is thrown. */
export function memoryTokenProvider(logins: ReadonlyMap<MailboxId, Login | OperationalError>): TokenProvider<unknown> {
  const rejected = new Set<string>();
  return {
    async login(_access, mailboxId, { signal }) {
      signal.throwIfAborted();
      const login = logins.get(mailboxId);
      if (login === undefined) throw new OperationalError("credential.missing", "the mailbox has no credential");
      if (login instanceof OperationalError) throw login;
      if (login.kind === "bearer" && rejected.has(login.token.reveal())) {
        throw new OperationalError("login.refused", "the only token this mailbox has was rejected");
      }
      return login;
    },
    async reject(_access, _mailboxId, login, { signal }) {
      signal.throwIfAborted();
      if (login.kind === "bearer") rejected.add(login.token.reveal());
    },
  };
}
