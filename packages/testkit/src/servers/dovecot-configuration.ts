import { readFileSync } from "node:fs";
import { userInfo } from "node:os";
import { join } from "node:path";
import type { DovecotOptions } from "./dovecot.ts";
import type { CertificateFiles } from "./tls.ts";

export type DovecotSettings = DovecotOptions & {
  readonly password: string;
  readonly folder: string;
  readonly mailFolder: string;
  readonly owner: { readonly uid: number; readonly gid: number };
  readonly asRoot: boolean;
  readonly certificate: CertificateFiles;
  readonly imapPort: number;
  readonly imapsPort: number;
  /** Passdbs that judge tokens; empty where tokens are not taken. */
  readonly tokenPassdbs: string;
};

/** `dovecot.conf` for Dovecot 2.3. Everything it writes lies below `folder`. */
export function dovecotConfiguration(settings: DovecotSettings): string {
  const { folder, owner, certificate, imapPort, imapsPort } = settings;
  const crowd = settings.highPerformance === true;
  return `
protocols = imap
listen = 127.0.0.1
base_dir = ${join(folder, "run")}
state_dir = ${join(folder, "run")}
log_path = /dev/stderr
ssl = yes
ssl_cert = <${certificate.certPath}
ssl_key = <${certificate.keyPath}
ssl_min_protocol = TLSv1.2
mail_location = maildir:~/Maildir
mail_fsync = never
mail_max_userip_connections = ${settings.connectionsPerUserMax ?? 200}
${settings.tokenPassdbs === "" ? "" : "auth_mechanisms = plain login xoauth2 oauthbearer"}
${settings.tokenPassdbs}
${passwords(settings)}
userdb {
  driver = static
  args = uid=${owner.uid} gid=${owner.gid} home=${settings.mailFolder}/%u
}
# A wrong password is answered at once; the default makes the next logins of this address wait for seconds.
auth_failure_delay = 0
service anvil {
  unix_listener anvil-auth-penalty {
    mode = 0
  }
}
# Without a process at hand the first greeting takes five seconds.
service imap-login {
  service_count = ${crowd ? 0 : 1}
  process_min_avail = ${crowd ? 2 : 1}
  inet_listener imap {
    port = ${imapPort}
  }
  inet_listener imaps {
    port = ${imapsPort}
    ssl = yes
  }
}
service imap {
  service_count = ${crowd ? 0 : 1}
  process_min_avail = ${crowd ? 16 : 1}
  client_limit = ${settings.connectionsPerProcessMax ?? 1}
}
metric imap_command {
  filter = event=imap_command_finished
  fields = net_in_bytes
}
${settings.asRoot ? "" : unprivileged()}
`;
}

function passwords({ users, password, folder, tokenPassdbs }: DovecotSettings): string {
  const [driver, args] =
    users === undefined ? ["static", `password=${password}`] : ["passwd-file", join(folder, "users")];
  // A token must not be taken for a password; but looking up a user names no mechanism, and then finds none.
  const mechanisms = tokenPassdbs === "" ? "" : "  mechanisms = plain login\n";
  return `passdb {\n  driver = ${driver}\n${mechanisms}  args = ${args}\n}`;
}

/** Only root can change user or root folder; an ordinary user runs all of it as themselves. */
function unprivileged(): string {
  const { username, gid } = userInfo();
  const stay = ["anvil", "imap-login"].map((service) => `service ${service} {\n  chroot =\n}`);
  return [
    `default_internal_user = ${username}`,
    `default_login_user = ${username}`,
    `default_internal_group = ${groupName(gid)}`,
    ...stay,
  ].join("\n");
}

/** Dovecot takes groups by name only, and Node knows no names of groups. */
function groupName(gid: number): string {
  const groups = readFileSync("/etc/group", "utf8").split("\n");
  const name = groups.map((line) => line.split(":")).find((fields) => fields[2] === String(gid))?.[0];
  if (name === undefined) throw new Error(`group ${gid} has no name in /etc/group`);
  return name;
}
