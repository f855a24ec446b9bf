/** How much one poll may take before it gives its place to others. */
export type PollBudget = { readonly messagesMax: number; readonly bytesMax: number; readonly msMax: number };

type SpentPage = { readonly messages: readonly { readonly sizeBytes: number }[] };

/** What a poll has taken of its budget. A page is never cut: the last one may go beyond it. */
export type Spending = {
  spend(page: SpentPage): void;
  isSpent(): boolean;
};

/** @param nowMs a clock that only goes forward, in ms */
export function startSpending({ messagesMax, bytesMax, msMax }: PollBudget, nowMs: () => number): Spending {
  const endsAt = nowMs() + msMax;
  let messages = 0;
  let bytes = 0;
  return {
    spend(page) {
      messages += page.messages.length;
      bytes += page.messages.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
    },
    isSpent: () => messages >= messagesMax || bytes >= bytesMax || nowMs() >= endsAt,
  };
}
