/**
 * One of these begins a word in whatever the rules for words can find. Looking for all of them at once costs 2 ns a
 * character, a tenth of what the rules cost, and most mail has none. Of text in lower case, with a line break before it.
 */
const hints =
  /[^a-z](?:instruc|system ?(?:prompt|:)|assistant:|you are now|language model|llm|ai (?:agent|assistant)|send_email|tool call|function|anweisung|consigne|passw|passc|log ?in|sign ?in|credential|verification code|one-time|gift card|wire|bank|iban|invoice|payment|funds|usd|eur|bitcoin|crypto|kontodaten|account number|überweis|zahlung)|<\|im_|\[\/?inst/;

export function hintsAtAnything(text: string): boolean {
  return hints.test(text);
}
