import type { CertificateFiles } from "./tls.ts";

export type PostfixSettings = {
  readonly folder: string;
  readonly port: number;
  readonly security: "tls" | "starttls";
  readonly certificate: CertificateFiles;
  readonly saslSocketPath: string;
  readonly smtputf8: boolean;
  readonly connectionsPerClientMax: number;
  /** Owns what is delivered. */
  readonly owner: { readonly uid: number; readonly gid: number };
};

/**
 * `main.cf` of a submission server that takes every domain as its own, so that nothing can ever leave this machine, and
 * puts every message of every recipient into one Maildir.
 */
export function mainCf(options: PostfixSettings): string {
  const { folder, security, certificate, saslSocketPath, smtputf8, connectionsPerClientMax, owner } = options;
  const settings = {
    compatibility_level: "3.6",
    queue_directory: `${folder}/queue`,
    data_directory: `${folder}/data`,
    daemon_directory: "/usr/lib/postfix/sbin",
    mail_owner: "postfix",
    setgid_group: "postdrop",
    maillog_file: `${folder}/log/postfix.log`,
    maillog_file_prefixes: `${folder}/log`,
    inet_interfaces: "127.0.0.1",
    inet_protocols: "ipv4",
    myhostname: "postfix.example.com",
    mynetworks: "",
    mydestination: "",
    biff: "no",

    virtual_mailbox_domains: "static:all",
    virtual_mailbox_base: `${folder}/mail`,
    virtual_mailbox_maps: "static:all/", // the slash at the end makes it a Maildir
    virtual_uid_maps: `static:${owner.uid}`,
    virtual_gid_maps: `static:${owner.gid}`,
    virtual_alias_maps: "",
    alias_maps: "",
    default_transport: "error:this server relays nothing",
    relay_transport: "error:this server relays nothing",

    smtpd_client_connection_count_limit: String(connectionsPerClientMax),
    smtputf8_enable: smtputf8 ? "yes" : "no",

    smtpd_tls_cert_file: certificate.certPath,
    smtpd_tls_key_file: certificate.keyPath,
    smtpd_tls_security_level: "encrypt",
    smtpd_tls_wrappermode: security === "tls" ? "yes" : "no",
    smtpd_tls_auth_only: "yes",
    smtpd_sasl_auth_enable: "yes",
    smtpd_sasl_type: "dovecot",
    smtpd_sasl_path: saslSocketPath,
    smtpd_relay_restrictions: "permit_sasl_authenticated, reject",
    smtpd_recipient_restrictions: "check_recipient_access $refusals, permit_sasl_authenticated, reject",
    refusals: "inline:{ { reject@ = 550 5.1.1 no such user here }, { defer@ = 450 4.2.0 come back later } }",
    smtpd_client_restrictions: "",
    smtpd_delay_reject: "no",

    // What was handed in is what is delivered: no header added or rewritten, no encoding changed.
    local_header_rewrite_clients: "",
    always_add_missing_headers: "no",
    disable_mime_output_conversion: "yes",
    message_size_limit: "20000000",
    virtual_mailbox_limit: "0",
    minimal_backoff_time: "1s",
  };
  return Object.entries(settings)
    .map(([name, value]) => `${name} = ${value}\n`)
    .join("");
}

/** `master.cf`: the submission port and the daemons a message passes, none of them in a chroot. */
export function masterCf({ port }: PostfixSettings): string {
  return `
127.0.0.1:${port} inet n - n - - smtpd
cleanup  unix  n - n - 0 cleanup
qmgr     unix  n - n 300 1 qmgr
tlsmgr   unix  - - n 1000? 1 tlsmgr
rewrite  unix  - - n - - trivial-rewrite
bounce   unix  - - n - 0 bounce
defer    unix  - - n - 0 bounce
trace    unix  - - n - 0 bounce
flush    unix  n - n 1000? 0 flush
proxymap unix  - - n - - proxymap
error    unix  - - n - - error
retry    unix  - - n - - error
virtual  unix  - n n - - virtual
anvil    unix  - - n - 1 anvil
postlog  unix-dgram n - n - 1 postlogd
`;
}
