import type { BounceAction, BounceCategory, BounceRecipient } from "./bounce.ts";

export type ReportedFailure = {
  readonly address: string;
  readonly action: BounceAction;
  readonly status: string | null;
  readonly reason: string | null;
};

const reasonLengthMax = 1_000;

/** Judges one recipient's failure by what the server wrote, and by its code only where the words say nothing. */
export function judgeFailure({ address, action, status: reported, reason: words }: ReportedFailure): BounceRecipient {
  const reason = words?.replace(/\s+/g, " ").trim().slice(0, reasonLengthMax) || null;
  const status = exactStatus(reported, reason);
  const code = replyCode(reason);
  const category = categoryOf(reason ?? "", status, code);
  // A delivery still tried, or given up after temporary answers, says nothing final about the address.
  const temporary = status?.startsWith("4") === true || (status === null && code !== null && code < 500);
  const permanent = action === "failed" && !temporary && permanentCategories.has(category);
  return {
    address,
    action,
    status: impliedStatus(status, category, { action, permanent }),
    code,
    permanent,
    category,
    reason,
  };
}

/** Where the report has no code, or one that says nothing, the one that says what its words say (RFC 3463 §3). */
function impliedStatus(
  status: string | null,
  category: BounceCategory,
  { action, permanent }: { action: BounceAction; permanent: boolean },
): string | null {
  if (status !== null && !status.endsWith(".0.0")) return status;
  if (action !== "failed" && action !== "delayed") return status;
  const detail = detailByCategory[category];
  const kind = status?.[0] ?? (action === "delayed" || (category === "unreachable" && !permanent) ? "4" : "5");
  return detail === null ? (status ?? `${kind}.0.0`) : `${kind}.${detail}`;
}

const detailByCategory = {
  "recipient-unknown": "1.1",
  "recipient-disabled": "2.1",
  "recipient-moved": "1.6",
  "domain-unknown": "1.2",
  "mailbox-full": "2.2",
  "message-refused": "7.1",
  "message-too-large": "2.3",
  "rate-limited": "7.1",
  unreachable: "4.1",
  misconfigured: null,
  unknown: null,
} as const satisfies Record<BounceCategory, string | null>;

/** The words often hold a better code than the field, which many servers fill with `5.0.0`. */
function exactStatus(reported: string | null, reason: string | null): string | null {
  if (reported !== null && !/^[245]\.0\.0$/.test(reported)) return reported;
  for (const [, status = ""] of (reason ?? "").matchAll(/(?<![\d.])([245]\.\d{1,3}\.\d{1,3})(?![\d.]*\d)/g)) {
    if (!status.endsWith(".0.0") && (reported === null || reported[0] === status[0])) return status;
  }
  return reported;
}

function replyCode(reason: string | null): number | null {
  const text = reason ?? "";
  const [, code] =
    /(?:^|;|:|'|"|\(|\bsaid:?|\bstate \d+\):|\breturned|\berror)\s*#?<?([245]\d\d)(?=[-\s]|$|;|:|')/i.exec(text) ??
    /(?<![\d.])([45][0-5]\d)[ -][#(]?[45]\.\d/.exec(text) ??
    [];
  return code === undefined ? null : Number(code);
}

const permanentCategories: ReadonlySet<BounceCategory> = new Set([
  "recipient-unknown",
  "recipient-disabled",
  "recipient-moved",
  "domain-unknown",
]);

function categoryOf(reason: string, status: string | null, code: number | null): BounceCategory {
  for (const [category, words] of categoryWords) if (words.test(reason)) return category;
  const detail = status?.slice(2) ?? "";
  const byDetail = categoryByDetail.get(detail) ?? categoryBySubject.get(detail.split(".")[0] ?? "");
  if (byDetail !== undefined) return byDetail;
  // RFC 5321 §4.2.3. 554 is any refusal at all.
  if (code === 550 || code === 551 || code === 553) return "recipient-unknown";
  if (code === 552) return "mailbox-full";
  return "unknown";
}

const thing = "(?:e-?mail ?box|mail ?box|inbox|user|recipient|account|address|e-?mail account|person|alias|maildrop)";

/** The first that fits holds, so what refuses the message comes before what refuses the address. */
const categoryWords: readonly (readonly [BounceCategory, RegExp])[] = [
  [
    "rate-limited",
    /rate.?limit|too many (messages|connections|recipients|errors|emails)|(sending|hourly|daily|sender'?s?) (limit|quota)|receiving (mail|messages) (too quickly|at a rate)|throttl|gr[ea]ylist|temporarily deferred/i,
  ],
  [
    "mailbox-full",
    /\bquota\b|(mail ?box|inbox|account|folder|recipient|user|storage|box)[^.;]{0,40}\b(is |are )?(over)?full\b|\bfull (mail ?box|inbox)|(not|n't|without) (have )?(enough|sufficient) [^.;]{0,20}(space|storage|room)|insufficient (disk |system |mail ?box )?(storage|space)|exceed[^.;]{0,50}(storage|mail ?box|size limit for|capacity)|(mail ?box|storage)[^.;]{0,30}(exceed|over limit|limit reached)|out of (storage|space)|no space left|overdrawn/i,
  ],
  [
    "message-too-large",
    /message (size|is|was|too)[^.;]{0,40}(too (big|large|long)|exceed)|(size|message) exceeds|exceeds? (the )?[^.;]{0,40}(maximum|size)|too large/i,
  ],
  [
    "message-refused",
    /spam|black ?list|block ?list|\bdnsbl\b|\brbl\b|reputation|\bspf\b|\bdkim\b|\bdmarc\b|virus|malware|unsolicited|content (was )?(reject|refus|filter)|(message|mail) (was |has been )?(content )?(reject|refus|block)[^.;]{0,60}(content|polic)|polic(y|ies)|banned|prohibited|\bsender\b[^.;]{0,40}(reject|denied|refused|not allowed|verify|unknown|does not exist|invalid)|(client|ip|host|server)\b[^.;]{0,60}(blocked|listed|rejected)|messages? from\b[^.;]{0,80}(blocked|refused|rejected|weren'?t sent)/i,
  ],
  [
    "recipient-moved",
    /\bhas moved\b|no longer (works|employed|with (us|the company))|\buser not local\b|mailbox (has )?moved/i,
  ],
  [
    "recipient-unknown",
    new RegExp(
      [
        `(?:unknown|no such|invalid|non-?existent|bad) (?:local |destination |smtp )*${thing}`,
        `${thing}s?\\b[^;]{0,90}\\b(?:unknown|does ?n[o']t exist|does not exist|not exist|not (?:be )?found|not listed|(?:is|are) invalid|not (?:a )?(?:known|valid|recogni[sz]ed|unique)|no longer (?:exists?|valid|available|in use|active)|undeliverable)`,
        `${thing} (?:couldn'?t|could not|cannot|can'?t|wasn'?t|was not) (?:be )?found`,
        "no mailbox (?:here )?by that name|doesn'?t have an? [^;]{0,40}account|not our customer|recipnotfound|resolver\\.adr|unrouteable address(?! domain)",
        "not (?:a )?(?:known|valid) (?:user|recipient|mailbox|address)|no one (?:here )?by that name|recipient address rejected: access denied",
        "mailbox unavailable|invalid recipient|email address (?:you entered )?couldn'?t be found",
      ].join("|"),
      "i",
    ),
  ],
  [
    "recipient-disabled",
    new RegExp(
      `${thing}[^.;]{0,50}\\b(?:disabled|inactive|suspended|deactivated|locked|closed|discontinued|not active|terminated|expired|unavailable to take delivery)`,
      "i",
    ),
  ],
  [
    "unreachable",
    /try again|timed? ?out|connection (was )?(refused|dropped|reset|closed)|name server|servfail|unreachable|retry time|no route to host|could not connect|temporar|not respond/i,
  ],
  [
    "domain-unknown",
    /(host|domain)( or domain)?( name)?[^.;]{0,40}(not found|does not exist|doesn'?t exist|unknown|invalid|couldn'?t be found|could not be found)|nxdomain|no such (domain|host)|unrouteable (mail )?domain|unknown (host|domain|mail server)|(bad|illegal) (destination|host|domain)|no mx|null ?mx|does not accept mail|couldn'?t find any host|all relevant mx records point to non-existent/i,
  ],
  [
    "misconfigured",
    /loops? back|mail loop|loop detected|too many hops|hop count|relay(ing)?( access)? (is )?(denied|not permitted|prohibited)|unable to relay|not permitted to relay|authentication (is )?required/i,
  ],
  ["message-refused", /access denied|not (allowed|authorized|permitted|accepted)|blocked|denied/i],
];

/** RFC 3463 §3, and what servers mean with it. */
const categoryByDetail: ReadonlyMap<string, BounceCategory> = new Map([
  ["1.2", "domain-unknown"],
  ["1.6", "recipient-moved"],
  ["1.7", "message-refused"],
  ["1.8", "message-refused"],
  ["1.9", "unknown"],
  ["1.10", "domain-unknown"],
  ["2.1", "recipient-disabled"],
  ["2.2", "mailbox-full"],
  ["2.3", "message-too-large"],
  ["2.4", "misconfigured"],
  ["3.4", "message-too-large"],
  ["4.1", "unreachable"],
  ["4.4", "domain-unknown"],
  ["4.6", "misconfigured"],
  ["4.7", "unreachable"],
  ["4.310", "domain-unknown"],
]);
const categoryBySubject: ReadonlyMap<string, BounceCategory> = new Map([
  ["1", "recipient-unknown"],
  ["2", "unknown"],
  ["3", "unreachable"],
  ["4", "unreachable"],
  ["5", "misconfigured"],
  ["6", "message-refused"],
  ["7", "message-refused"],
]);
