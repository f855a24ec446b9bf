/** Real servers, each on a free port of 127.0.0.1 and in a temporary folder of its own. */

export type { ChildServer, ChildServerOptions } from "./child-server.ts";
export { answers, startChildServer } from "./child-server.ts";
export type { DovecotOptions, DovecotServer } from "./dovecot.ts";
export { startDovecot } from "./dovecot.ts";
export type { EmbeddedMail, EmbeddedMailUser } from "./embedded-mail.ts";
export { startEmbeddedMail } from "./embedded-mail.ts";
export { findProgram, hasServer } from "./find-program.ts";
export { freePort } from "./free-port.ts";
export type { KmsFailure, KmsServer } from "./kms.ts";
export { startKmsServer } from "./kms.ts";
export type { OauthClients, ServiceAccountKey } from "./oauth/oauth-clients.ts";
export type { OauthServer, OauthServerOptions, RecordedAnswer } from "./oauth/start-oauth-server.ts";
export { startOauthServer } from "./oauth/start-oauth-server.ts";
export type { TokenIntrospection } from "./oauth2-passdb.ts";
export type { PostfixOptions, PostfixServer } from "./postfix.ts";
export { canRunPostfix, startPostfix } from "./postfix.ts";
export type { PostgresOptions, PostgresServer } from "./postgres.ts";
export { startPostgres } from "./postgres.ts";
export type { RedisOptions, RedisServer } from "./redis.ts";
export { startRedis } from "./redis.ts";
export type { ReceivedMessage, ScriptedSmtp, ScriptedSmtpOptions, SmtpRecord, SmtpScript } from "./scripted-smtp.ts";
export { startScriptedSmtp } from "./scripted-smtp.ts";
export type { TemporaryFolder } from "./temporary-folder.ts";
export { temporaryFolder } from "./temporary-folder.ts";
export type { CertificateFiles, TestCertificate } from "./tls.ts";
export { certificateFiles, testCertificate } from "./tls.ts";
