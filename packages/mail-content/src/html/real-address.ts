const linkLengthMax = 2_000;

/**
 * Where a link leads, with the host a browser would ask: no user name that looks like a host (RFC 3986 §7.6), look-alike
 * letters as the ASCII form they are asked by (RFC 5891). Null for what leads nowhere outside the mail.
 */
export function realAddress(href: string): string | null {
  const url = URL.parse(href.slice(0, linkLengthMax * 2));
  if (url === null || !/^(https?|ftp|mailto|tel):$/.test(url.protocol)) return null;
  url.username = "";
  url.password = "";
  const address = url.href;
  return address.length > linkLengthMax ? `${address.slice(0, linkLengthMax)}…` : address;
}
