/** Who really sent a message, and whom it may be attributed to. Pure: the DNS is handed in. */

export type { SenderEvidence, SenderVerdict } from "./evidence.ts";
export type { SenderJudgement, SenderQuestion } from "./judge-sender.ts";
export { judgeSender } from "./judge-sender.ts";
export { presetHop } from "./preset-hop.ts";
export type { SenderSettings, TrustedHop } from "./sender-settings.ts";
export { noTrust } from "./sender-settings.ts";
export { LookupFailed, type TxtLookup } from "./txt-lookup.ts";
