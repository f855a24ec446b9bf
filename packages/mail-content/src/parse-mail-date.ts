/**
 * The time a Date header names, or null. Reads RFC 5322 §3.3 with the obsolete forms of §4.3; a missing or unknown zone
 * means UTC, wherever this process runs. What is no plausible time of a mail (before 1970, after 9999) is null.
 */
export function parseMailDate(value: string): Date | null {
  const header = value.slice(0, 200).replace(/\([^()]*\)/g, " ");
  const time = form.test(header) ? mailTime(header) : otherTime(header);
  return time !== null && time >= 0 && time <= latest ? new Date(time) : null;
}

const latest = Date.UTC(9999, 11, 31, 23, 59, 59);
const months = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const dayPart = "(\\d{1,2})[\\s-]+([a-z]{3})[a-z]*\\.?[\\s-]+(\\d{2,4})";
const timePart = "(\\d{1,2})[:.](\\d{1,2})(?:[:.](\\d{1,2}))?(?:\\.\\d+)?(?:\\s*([ap])m\\b)?";
const zonePart = "([+-]\\d{1,2}:?\\d{2}|[a-z]{1,5})?";
const form = new RegExp(`${dayPart}\\s+${timePart}\\s*${zonePart}`, "i");

function mailTime(header: string): number | null {
  const match = form.exec(header);
  if (match === null) return null;
  const [, day, name = "", yearText = "", hourText, minuteText, secondText = "0", half, zone = ""] = match;
  const month = months.indexOf(name.toLowerCase());
  const year = fullYear(Number(yearText), yearText.length);
  const hour = half === undefined ? Number(hourText) : (Number(hourText) % 12) + (half.toLowerCase() === "p" ? 12 : 0);
  const [minute, second] = [Number(minuteText), Number(secondText)];
  // A leap second is a time (RFC 5322 §3.3 allows 60); a 31 February is not.
  const exists = month >= 0 && hour < 24 && minute < 60 && second <= 60;
  if (!exists || Number(day) < 1 || Number(day) > new Date(Date.UTC(year, month + 1, 0)).getUTCDate()) return null;
  return Date.UTC(year, month, Number(day), hour, minute, second) - zoneMinutes(zone) * 60_000;
}

/** RFC 5322 §4.3: two digits below 50 are of this century, other two and all three digits count from 1900. */
function fullYear(year: number, digits: number): number {
  if (digits === 4) return year;
  return digits === 2 && year < 50 ? 2000 + year : 1900 + year;
}

const zones: Readonly<Record<string, number>> = {
  EST: -300,
  EDT: -240,
  CST: -360,
  CDT: -300,
  MST: -420,
  MDT: -360,
  PST: -480,
  PDT: -420,
};

function zoneMinutes(zone: string): number {
  const offset = /^([+-])(\d{1,2}):?(\d{2})$/.exec(zone);
  if (offset === null) return zones[zone.toUpperCase()] ?? 0;
  const minutes = Number(offset[2]) * 60 + Number(offset[3]);
  return offset[1] === "-" ? -minutes : minutes;
}

/** Other ways to write a time that mail really has, such as ISO 8601 or C's `ctime`. */
function otherTime(header: string): number | null {
  const text = header.trim();
  const inUtc = Date.parse(`${text} UTC`);
  const time = Number.isNaN(inUtc) ? Date.parse(text) : inUtc;
  return Number.isNaN(time) ? null : time;
}
