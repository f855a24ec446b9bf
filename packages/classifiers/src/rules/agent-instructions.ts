/**
 * Text that speaks to a language model and not to a person. It finds the plain attempts; a determined one is not found by
 * any list, and nothing in the fleet relies on this: what a message says is data, found or not.
 */
export function addressesAgents(text: string): boolean {
  return shapes.some((shape) => shape.test(text));
}

/** Of text in lower case. Each has a bounded reach, so that none of them goes over the text twice. */
const shapes: readonly RegExp[] = [
  /\b(?:ignore|disregard|forget|override|bypass)\b.{0,40}\b(?:previous|prior|above|earlier|all|your|the)\b.{0,30}\binstructions?\b/s,
  /\b(?:new|updated|hidden|secret|real|important)\s+(?:system\s+)?instructions?\s+(?:for|to)\s+(?:the\s+)?(?:ai|assistant|agent|model|llm|bot)\b/,
  /\b(?:reveal|print|repeat|show|output|leak)\b.{0,40}\b(?:system prompt|your (?:initial |hidden )?(?:prompt|instructions))\b/s,
  /<\|im_(?:start|end)\|>|\[\/?inst\]|^\s*(?:system|assistant)\s*:\s*\S/m,
  /\byou are now\b.{0,60}\b(?:unrestricted|dan|jailbroken|admin|root|developer mode)\b/s,
  /\b(?:ai agent|ai assistant|language model|llm)\b.{0,60}\b(?:must|should|shall|please|now)\b.{0,60}\b(?:send|forward|transfer|delete|execute|run|call|reply|approve)\b/s,
  /\b(?:call|use|invoke|execute)\b.{0,30}\b(?:send_email|tool call|function)\b/s,
  /\b(?:ignoriere|vergiss)\b.{0,60}\banweisung(?:en)?\b|\bignora\b.{0,60}\binstrucciones\b|\bignore[zr]?\b.{0,60}\bconsignes?\b/s,
];
