import type { Account } from "../account.ts";
import { type DemoFleet, mailboxes } from "../demo-fleet.ts";
import { until } from "../ledger.ts";

const [, , help] = mailboxes;
const reconcileMsMax = 30_000;

type ShownMailbox = {
  readonly cursors: readonly { readonly uidValidity: string; readonly checkedAt: string | null }[];
};

/** The server numbers a folder anew (another UIDVALIDITY): everything is met again, and nothing is announced again. */
export async function renumber(fleet: DemoFleet, account: Account): Promise<void> {
  account.step("Let the mail server number a mailbox anew (UIDVALIDITY)");
  const show = () => fleet.cliJson<ShownMailbox>(["mailbox", "show", `${help.tenant}/${help.key}`]);
  const before = (await show()).cursors[0]?.uidValidity;
  fleet.mail.resetUidValidity(help.address);
  const after = await until("the mailbox to be reconciled", reconcileMsMax, async () => {
    const [cursor] = (await show()).cursors;
    return cursor !== undefined && cursor.uidValidity !== before ? cursor : null;
  });
  account.say(`UIDVALIDITY ${before} became ${after.uidValidity}; every message was recognised by its content`);
}
