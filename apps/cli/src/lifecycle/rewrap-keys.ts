import type { StandingKey } from "@mailfleet/database";
import { type KeyManagement, OperationalError, type WrappedKey } from "@mailfleet/domain";
import { type KeyManagementChoice, openKeyManagement } from "@mailfleet/vault";
import { UsageError } from "../faults.ts";
import type { Session } from "../open-session.ts";

export type RewrapProgress = { readonly done: number; readonly left: number };

const batchSize = 100;
/** Few enough for the rate that KMS gives an account, and for what else the fleet asks of it. */
const atOnceMax = 8;
const stepMsMax = 30_000;
const within = () => ({ signal: AbortSignal.timeout(stepMsMax) });

/**
 * Unwraps each data key with the key of the environment and wraps it with another one, the fleet's own keys among them. Each
 * is opened again before it takes the old one's place: a key that does not open is everything of a tenant, lost. Run again
 * after a crash it does what is left.
 */
export async function rewrapKeys(session: Session, to: string, onProgress: (progress: RewrapProgress) => void) {
  const { keyRewrap } = session.database.fleet;
  const grant = () => session.authorize("fleet.provision", { subjectId: "rewrap" });
  const [from, target] = await Promise.all([openKeyManagement(session.config.key()), openTarget(session, to)]);
  const { keyId } = target;
  let done = 0;
  for (;;) {
    const allowed = await grant();
    const keys = await keyRewrap.listLeft(allowed, keyId, batchSize);
    if (keys.length === 0) return { keyId, done, left: await keyRewrap.countLeft(allowed, keyId) };
    const queue = keys.values();
    const work = async () => {
      for (const key of queue) if (await keyRewrap.replace(allowed, key, await rewrapOne(key, from, target))) done += 1;
    };
    const ends = await Promise.allSettled(Array.from({ length: atOnceMax }, work)); // nobody is left at work behind us
    for (const end of ends) if (end.status === "rejected") throw end.reason;
    onProgress({ done, left: await keyRewrap.countLeft(allowed, keyId) });
  }
}

async function rewrapOne({ wrapped, context }: StandingKey, from: KeyManagement, target: Target): Promise<WrappedKey> {
  const plaintext = await from.unwrap(wrapped, context, within());
  try {
    const again = await target.management.wrap(plaintext, context, within());
    if (again.keyId !== target.keyId)
      throw new UsageError("the KMS key answers by another ARN", `Use --to ${again.keyId}.`);
    await requireSame(plaintext, await target.management.unwrap(again, context, within()));
    return again;
  } finally {
    plaintext.fill(0);
  }
}

async function requireSame(wanted: Uint8Array, opened: Uint8Array): Promise<void> {
  const same = Buffer.compare(wanted, opened) === 0;
  opened.fill(0);
  if (!same)
    throw new OperationalError(
      "key.unavailable",
      "the new key does not give back what it wrapped; nothing was replaced",
    );
}

type Target = { readonly keyId: string; readonly management: KeyManagement };

async function openTarget({ config }: Session, to: string): Promise<Target> {
  if (to.startsWith("arn:")) {
    const [, , , region = ""] = to.split(":");
    const { endpoint } = config.kms;
    const choice: KeyManagementChoice = { kind: "aws-kms", keyId: to, region, endpoint };
    return { keyId: to, management: await openKeyManagement(choice) };
  }
  const management = await openKeyManagement({ kind: "local-key-file", keyFile: to });
  const probe = await management.createDataKey({ owner: "fleet", purpose: "signing", version: 1 }, within());
  probe.plaintext.fill(0);
  return { keyId: probe.wrapped.keyId, management };
}
