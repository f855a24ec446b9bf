/** Google and Microsoft put what is handed in over SMTP into the account's Sent folder themselves; a second copy would be one too many. */
const savesItself = /(^|\.)(gmail\.com|googlemail\.com|office365\.com|office365\.us|outlook\.com|outlook\.cn)$/i;

/** Who saves a copy of what is sent: as the file says, else by what is known of the provider. Other servers mostly save none. */
export function sentCopyOf(
  asked: "provider" | "append" | undefined,
  smtpHost: string | undefined,
): "provider" | "append" {
  if (asked !== undefined) return asked;
  return savesItself.test(smtpHost ?? "") ? "provider" : "append";
}
