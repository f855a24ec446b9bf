import { MailServer } from "@mailfleet/domain";
import { UsageError } from "../faults.ts";

export type MailServers = { readonly imap: MailServer; readonly smtp: MailServer | null };

const tls = (host: string, port: number): MailServer => ({ host, port, security: "tls" });
const starttls = (host: string): MailServer => ({ host, port: 587, security: "starttls" });

/** Where the providers' own mailboxes are, by kind of app and, at Microsoft, by cloud. */
const knownServers: Readonly<Record<string, MailServers>> = {
  google: { imap: tls("imap.gmail.com", 993), smtp: tls("smtp.gmail.com", 465) },
  "microsoft global": { imap: tls("outlook.office365.com", 993), smtp: starttls("smtp.office365.com") },
  "microsoft gcc-high": { imap: tls("outlook.office365.us", 993), smtp: starttls("smtp.office365.us") },
  "microsoft dod": { imap: tls("outlook-dod.office365.us", 993), smtp: starttls("outlook-dod.office365.us") },
  "microsoft china": { imap: tls("partner.outlook.cn", 993), smtp: starttls("partner.outlook.cn") },
};

type Asked = { readonly kind: string; readonly cloud: string | null };

/**
 * The servers of a mailbox that is not there yet: what the options say, else the provider's own.
 *
 * @throws UsageError where neither says
 */
export function mailServersOf(
  { kind, cloud }: Asked,
  { imap, smtp }: { readonly imap?: string | undefined; readonly smtp?: string | undefined },
): MailServers {
  const known = knownServers[cloud === null ? kind : `${kind} ${cloud}`];
  if (imap !== undefined) return { imap: parseServer(imap), smtp: smtp === undefined ? null : parseServer(smtp) };
  if (known !== undefined) return { ...known, ...(smtp === undefined ? {} : { smtp: parseServer(smtp) }) };
  throw new UsageError(
    "it is not known where this mailbox is read",
    "Add --imap HOST:PORT, and --smtp where it sends.",
  );
}

/** `HOST:PORT`, or `HOST:PORT/starttls`. */
function parseServer(text: string): MailServer {
  const [, host, port, security = "tls"] = /^([^:/\s]+):(\d{1,5})(?:\/(tls|starttls))?$/.exec(text) ?? [];
  const { data } = MailServer.safeParse({ host, port: Number(port), security });
  if (data !== undefined) return data;
  throw new UsageError("a server is not one", "Write HOST:PORT, or HOST:PORT/starttls.");
}
