import { type ClassifiableContent, type ContentClassifier, classifiedAsData, comparedAddress } from "@mailfleet/domain";
import { addressesAgents } from "./agent-instructions.ts";
import { asksForSecrets } from "./asks-for-secrets.ts";
import { isExecutable } from "./executable-attachment.ts";
import { hintsAtAnything } from "./hints.ts";
import { hasInvisibleText } from "./invisible-text.ts";
import type { RuleLabel } from "./labels.ts";
import { isLookalike } from "./lookalike-domain.ts";
import { containsSecret } from "./secret-leaving.ts";

/** Raised with every change of a rule: a stored verdict says which rules it comes from. */
const version = "1";
/** UTF-16 units that are looked at, of text and of HTML each: what a person would read, and time that has an end. */
const lengthMax = 200_000;

/** The built-in rules: no I/O, no waiting, the same answer for the same message. */
export function createRulesContentClassifier(): ContentClassifier {
  return {
    name: "rules",
    async classify(content) {
      const labels = content.direction === "inbound" ? inboundLabels(content) : outboundLabels(content);
      return { classifier: "rules", version, labels, answered: true };
    },
  };
}

function inboundLabels(content: ClassifiableContent): RuleLabel[] {
  const { subject, text, html, facts } = content;
  const [plain, markup] = [classifiedAsData(text) ?? "", classifiedAsData(html) ?? ""].map((part) =>
    part.slice(0, lengthMax),
  ) as [string, string];
  // What is written and what is shown may be two things, so both are read.
  const words = `\n${classifiedAsData(subject) ?? ""}\n${plain}\n${markup}`.toLowerCase();
  const labels: RuleLabel[] = [];
  if (hasInvisibleText(plain, markup)) labels.push("invisible-text");
  if (domainsOf(content).some((domain) => isLookalike(domain, facts.knownDomains))) labels.push("lookalike-domain");
  const isHinted = hintsAtAnything(words);
  if (isHinted && facts.firstTimeSender && asksForSecrets(words)) labels.push("asks-for-secrets");
  if (isHinted && addressesAgents(words)) labels.push("agent-instructions");
  if (hasExecutable(content)) labels.push("executable-attachment");
  return labels;
}

function outboundLabels(content: ClassifiableContent): RuleLabel[] {
  const parts = [content.subject, content.text, content.html].map((part) => classifiedAsData(part) ?? "");
  const labels: RuleLabel[] = [];
  if (parts.some(containsSecret)) labels.push("secret-leaving");
  if (hasExecutable(content)) labels.push("executable-attachment");
  return labels;
}

function hasExecutable({ attachments }: ClassifiableContent): boolean {
  return attachments.some(({ filename, contentType }) =>
    isExecutable(classifiedAsData(filename), classifiedAsData(contentType)),
  );
}

function domainsOf({ from, replyTo }: ClassifiableContent): readonly string[] {
  return [...from, ...replyTo].map(({ address }) => {
    const compared = comparedAddress(address);
    return compared.slice(compared.lastIndexOf("@") + 1);
  });
}
