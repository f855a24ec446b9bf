import { OperationalError } from "@mailfleet/domain";
import { createSigningKey, issueActorToken, type StoredActor, signReport } from "@mailfleet/gate";
import { z } from "zod";
import type { Session } from "./open-session.ts";

const openMsMax = 30_000;

function binding(kid: string) {
  return { purpose: "signing", record: `signing-key:${kid}` } as const;
}

const PrivateKey = z.record(z.string(), z.unknown());

/** Makes the fleet's signing key and seals its private half. One that stands is left: an earlier run came this far. */
export async function createFirstSigningKey(session: Session): Promise<void> {
  const grant = await session.authorize("fleet.sign", {});
  if ((await session.database.signingKeys.current(grant)) === null) await createNextSigningKey(session);
}

/** Makes a key that signs from now on; the keys before it still verify until they are retired. Answers its id. */
export async function createNextSigningKey(session: Session): Promise<string> {
  const grant = await session.authorize("fleet.sign", {});
  const { kid, publicJwk, privateJwk } = await createSigningKey();
  const vault = await session.vault();
  const plaintext = Buffer.from(JSON.stringify(privateJwk));
  try {
    const sealedPrivate = await vault.seal(grant, binding(kid), plaintext, { signal: AbortSignal.timeout(openMsMax) });
    await session.database.signingKeys.insert(grant, { kid, publicJwk: { ...publicJwk }, sealedPrivate });
    return kid;
  } finally {
    plaintext.fill(0);
  }
}

/**
 * Signs a token for an actor as its row says.
 *
 * @throws OperationalError `resource.missing` before `init` has made a key
 */
export async function signToken(session: Session, actor: StoredActor, expiresAt: Date): Promise<string> {
  return withSigningKey(session, actor.id, (key) => issueActorToken({ key, actor, expiresAt }));
}

/** Signs a statement that others can check with the fleet's public keys. */
export async function signFleetReport(session: Session, report: object): Promise<string> {
  return withSigningKey(session, "report", (key) => signReport(report, key));
}

type OpenKey = { readonly kid: string; readonly privateJwk: Readonly<Record<string, unknown>> };

async function withSigningKey(
  session: Session,
  subjectId: string,
  sign: (key: OpenKey) => Promise<string>,
): Promise<string> {
  const grant = await session.authorize("fleet.sign", { subjectId });
  const key = await session.database.signingKeys.current(grant);
  if (key === null)
    throw new OperationalError("resource.missing", "there is no signing key; `mailfleet init` makes it");
  const vault = await session.vault();
  const open = (plaintext: Uint8Array) => {
    const privateJwk = PrivateKey.parse(JSON.parse(Buffer.from(plaintext).toString("utf8")));
    return sign({ kid: key.kid, privateJwk });
  };
  return vault.use(grant, binding(key.kid), key.sealedPrivate, open, { signal: AbortSignal.timeout(openMsMax) });
}
