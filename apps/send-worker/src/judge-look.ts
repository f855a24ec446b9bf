import type { LookOutcome, ReconcileTarget } from "@mailfleet/database";
import type { OperationalError } from "@mailfleet/domain";

/** What one look at the Sent folder told; `failed`: nothing. */
export type Look =
  | { readonly kind: "found" }
  | { readonly kind: "absent" }
  | { readonly kind: "failed"; readonly error: OperationalError };

export type LookJudgement = {
  readonly target: Pick<ReconcileTarget, "beganAt" | "failuresCount" | "resendsCount" | "policy">;
  /** For so long an absent message is looked for, in ms. */
  readonly spanMs: number;
  readonly now: Date;
};

/** When it is looked at again, as parts of the span: providers save the copy within seconds as a rule, and sometimes minutes later. */
const lookParts = [0.05, 0.15, 0.4, 1] as const;
/** A folder that cannot be read at all is given up after so many spans: then a person looks. */
const unreadableSpansMax = 24;

/**
 * From a look to what becomes of the submission. Pure. Only a folder that was read at the end of the span says that the
 * message is not there; only then may a tenant's `resend` send it again, and once: a second unknown outcome is for a person.
 */
export function judgeLook(look: Look, { target, spanMs, now }: LookJudgement): LookOutcome {
  const elapsedMs = now.getTime() - target.beganAt.getTime();
  if (look.kind === "found") return { state: "sent", nextDue: null, failure: null };
  if (look.kind === "failed") {
    const { code, retryAt } = look.error;
    if (elapsedMs >= spanMs * unreadableSpansMax) return { state: "held", nextDue: null, failure: code };
    const waitMs = Math.min(spanMs, spanMs * 0.05 * 2 ** Math.min(target.failuresCount, 10));
    const nextDue = new Date(Math.max(now.getTime() + waitMs, retryAt?.getTime() ?? 0));
    return { state: "uncertain", nextDue, failure: code };
  }
  const part = lookParts.find((each) => each * spanMs > elapsedMs);
  if (part !== undefined) {
    return { state: "uncertain", nextDue: new Date(target.beganAt.getTime() + part * spanMs), failure: null };
  }
  const resend = target.policy === "resend" && target.resendsCount === 0;
  return { state: resend ? "accepted" : "held", nextDue: null, failure: null };
}
