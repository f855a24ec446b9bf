import { OperationalError } from "@mailfleet/domain";

/**
 * Waits at most `msMax` for a backend's answer. Drivers queue, retry and reconnect by themselves, some without end, so
 * this is what makes every wait a bounded one.
 *
 * @throws OperationalError `queue.unavailable`
 */
export async function within<Answer>(msMax: number, what: string, answer: Promise<Answer>): Promise<Answer> {
  const { promise: tooLate, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error(`no answer within ${msMax} ms`)), msMax);
  try {
    return await Promise.race([answer, tooLate]);
  } catch (error) {
    if (error instanceof OperationalError) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new OperationalError("queue.unavailable", `${what}: ${reason}`, { cause: error });
  } finally {
    clearTimeout(timer);
  }
}
