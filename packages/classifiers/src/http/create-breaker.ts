import { OperationalError } from "@mailfleet/domain";

export type BreakerOptions = {
  /** So many failures in a row open it. */
  readonly failuresMax: number;
  /** So long it stays open, in ms; then one call tries. */
  readonly openMs: number;
  readonly now: () => Date;
};

/**
 * Keeps calls away from a service that does not answer, so that it does not make everything behind it as slow as itself.
 *
 * @throws OperationalError `classifier.unavailable` at once while it is open
 */
export function createBreaker({ failuresMax, openMs, now }: BreakerOptions) {
  let failuresCount = 0;
  let openUntil = 0;
  let isTrying = false;

  return async function guarded<Result>(call: () => Promise<Result>): Promise<Result> {
    const tries = failuresCount >= failuresMax;
    if (tries && (isTrying || now().getTime() < openUntil))
      throw new OperationalError("classifier.unavailable", "the classifier has failed often; it is given a rest");
    isTrying = tries;
    try {
      const result = await call();
      failuresCount = 0;
      return result;
    } catch (error) {
      failuresCount += 1;
      openUntil = now().getTime() + openMs;
      throw error;
    } finally {
      if (tries) isTrying = false;
    }
  };
}
