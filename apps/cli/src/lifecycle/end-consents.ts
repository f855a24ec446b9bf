import { MailboxId, type TenantId } from "@mailfleet/domain";
import type { Session } from "../open-session.ts";
import { endConsent, openConsent, type Remembered, rememberCredential, type ToldProvider } from "./tell-provider.ts";

type OpenConsent = NonNullable<Awaited<ReturnType<typeof openConsent>>>;

/** Few enough for one provider. */
const atOnceMax = 8;
/** However many there are: what is not told by then ends by itself, unused. */
const tellMsMax = 30_000;

/** The refresh tokens of a tenant, sealed; they are opened when nobody may use them any more, and before their key is gone. */
export async function rememberConsents(session: Session, tenantId: TenantId) {
  const { provisioning } = session.database.fleet;
  const tenants = await provisioning.tenants(await session.authorize("fleet.read", {}));
  const tenant = tenants.find(({ id }) => id === tenantId);
  const mailboxes = tenant === undefined || tenant.state === "offboarded" ? [] : tenant.mailboxes;
  const remembered: Remembered[] = [];
  for (const { id, state } of mailboxes) {
    if (state === "disconnected") continue;
    const one = await rememberCredential(session, { tenantId, mailboxId: MailboxId.parse(id) });
    if (one !== null) remembered.push(one);
  }
  return {
    async open(): Promise<readonly (OpenConsent | null)[]> {
      const opened: (OpenConsent | null)[] = [];
      for (const one of remembered) opened.push(await openConsent(session, one));
      return opened;
    },
  };
}

/** How many of them the provider was told of, such as `2 of 3`; null where there were none. */
export async function endConsents(session: Session, consents: readonly (OpenConsent | null)[]): Promise<string | null> {
  if (consents.length === 0) return null;
  const until = performance.now() + tellMsMax;
  const outcomes: ToldProvider[] = [];
  const queue = consents.values();
  const work = async () => {
    for (const consent of queue) {
      if (performance.now() > until) return;
      outcomes.push(consent === null ? "failed" : await endConsent(session, consent));
    }
  };
  await Promise.all(Array.from({ length: atOnceMax }, work));
  return `${outcomes.filter((told) => told === "revoked").length} of ${consents.length}`;
}
