/** Whether a text asks for a login or for money to be moved. Alone it says little; from someone who never wrote before, more. */
export function asksForSecrets(text: string): boolean {
  return shapes.some((shape) => shape.test(text));
}

/** Of text in lower case. */
const shapes: readonly RegExp[] = [
  /\b(?:confirm|verify|update|provide|send|enter|reset|validate)\b.{0,60}\b(?:password|passcode|credentials?|login|verification code|one-time (?:code|password))\b/s,
  /\b(?:log ?in|sign ?in)\b.{0,60}\b(?:suspended|locked|expire[sd]?|within \d+ hours?|immediately|avoid)\b/s,
  /\b(?:account|mailbox|password)\b.{0,60}\b(?:suspended|locked|expires?|deactivated)\b.{0,120}\b(?:log ?in|sign ?in|verify|confirm|credentials?)\b/s,
  /\b(?:new|changed?|updated?|different)\b.{0,40}\b(?:bank(?:ing)? (?:details|account|information)|iban|account number)\b/s,
  /\b(?:urgent|immediately|today|asap|confidential)\b.{0,80}\b(?:wire|bank transfer|payment|invoice|bitcoin|gift cards?)\b/s,
  /\b(?:wire|transfer|purchase|buy|process)\b.{0,60}\b(?:gift cards?|bitcoin|crypto(?:currency)?|usd|eur|funds|payment)\b.{0,80}\b(?:urgent|immediately|today|asap|confidential|right away)\b/s,
  /\b(?:neuen?|geänderten?)\b.{0,40}\b(?:bankverbindung|kontodaten|iban)\b|\b(?:dringend|sofort)\b.{0,80}\b(?:überweis\w*|zahlung)\b/s,
];
