import { describe, expect, it } from "vitest";
import { createNetworkGuard, type Lookup } from "./create-network-guard.ts";
import { parseCidrs } from "./parse-cidrs.ts";

const { signal } = new AbortController();
const answering =
  (...addresses: string[]): Lookup =>
  async () =>
    addresses.map((address) => ({ address }));
const never: Lookup = () => new Promise(() => undefined);
const unused: Lookup = () => Promise.reject(new Error("no name should have been looked up"));

describe("a NetworkGuard", () => {
  it.each([
    ["8.8.8.8", 4],
    ["1.1.1.1", 4],
    ["172.32.0.1", 4], // just behind 172.16.0.0/12
    ["100.128.0.1", 4], // just behind 100.64.0.0/10
    ["2606:4700::1111", 6],
    ["[2606:4700::1111]", 6],
    ["::ffff:8.8.8.8", 6],
    ["64:ff9b::808:808", 6],
    ["2002:808:808::1", 6],
  ])("lets %s through", async (host, family) => {
    const vetted = await createNetworkGuard({ allowPrivate: [], lookup: unused }).vet(host, { signal });
    expect(vetted.family).toBe(family);
  });

  it.each([
    ["0.0.0.0", "unspecified"],
    ["0.1.2.3", "this network"],
    ["10.1.2.3", "private"],
    ["100.64.0.1", "carrier-grade NAT"],
    ["100.100.100.200", "metadata of a cloud"],
    ["127.0.0.1", "loopback"],
    ["127.255.255.254", "loopback"],
    ["169.254.169.254", "metadata of a cloud"],
    ["172.16.0.1", "private"],
    ["172.31.255.255", "private"],
    ["192.0.0.8", "reserved"],
    ["192.0.2.1", "documentation"],
    ["192.88.99.1", "6to4 relay"],
    ["192.168.1.1", "private"],
    ["198.18.0.1", "benchmarking"],
    ["198.51.100.1", "documentation"],
    ["203.0.113.1", "documentation"],
    ["224.0.0.1", "multicast"],
    ["240.0.0.1", "reserved"],
    ["255.255.255.255", "broadcast"],
    ["::", "unspecified"],
    ["::1", "loopback"],
    ["[::1]", "loopback in brackets"],
    ["::7f00:1", "IPv4-compatible"],
    ["::ffff:127.0.0.1", "mapped"],
    ["::ffff:a9fe:a9fe", "mapped"],
    ["64:ff9b::7f00:1", "NAT64"],
    ["64:ff9b:1::1", "local NAT64"],
    ["100::1", "discard"],
    ["2001::1", "Teredo of a private server"],
    ["2001:0:808:808:0:0:80ff:fffe", "Teredo of a private client"], // 127.0.0.1, inverted
    ["2001:2::1", "benchmarking"],
    ["2001:10::1", "ORCHID"],
    ["2001:db8::1", "documentation"],
    ["2002:7f00:1::1", "6to4 of loopback"],
    ["2002:a00:1::1", "6to4 of a private one"],
    ["3fff::1", "documentation"],
    ["4000::1", "not assigned"],
    ["5f00::1", "segment routing"],
    ["fc00::1", "unique-local"],
    ["fd00:ec2::254", "metadata of a cloud"],
    ["fe80::1", "link-local"],
    ["fe80::1%eth0", "zone"],
    ["fec0::1", "site-local"],
    ["ff02::1", "multicast"],
    ["2130706433", "loopback in decimal"],
    ["0x7f000001", "loopback in hexadecimal"],
    ["0x7f.1", "loopback, mixed"],
    ["0177.0.0.1", "loopback in octal"],
    ["127.1", "loopback, short"],
    ["127.0.0.1.", "loopback with the root's dot"],
    ["１２７.0.0.1", "loopback in full-width digits"],
    ["256.1.1.1", "no address"],
    ["1.2.3.4.5", "no address"],
    ["", "nothing"],
    ["mail example", "no name"],
    ["mail.example/../x", "no name"],
    ["user@mail.example", "no name"],
    ["[mail.example]", "no address in brackets"],
    ["a..b", "no name"],
    ["mail.exam\tple", "no name"],
    ["mail.example?x", "no name"],
    ["mail.example#x", "no name"],
    ["mail.example\\x", "no name"],
    ["%31%32%37.0.0.1", "loopback in percents"],
    ["::1]", "half a bracket"],
    [`${"a".repeat(64)}.${"b".repeat(63)}.${"c".repeat(63)}.${"d".repeat(63)}`, "too long"],
  ])("refuses %s (%s) without looking anything up", async (host) => {
    const guard = createNetworkGuard({ allowPrivate: [], lookup: unused });
    const failure = await guard.vet(host, { signal }).catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: "host.refused" });
  });

  it("gives the address that was judged, so that nobody looks the name up again", async () => {
    const guard = createNetworkGuard({ allowPrivate: [], lookup: answering("8.8.4.4", "2606:4700::1") });
    expect(await guard.vet("mail.example", { signal })).toEqual({ address: "8.8.4.4", family: 4 });
  });

  it.each([
    ["first", ["10.0.0.1", "8.8.8.8"]],
    ["last", ["8.8.8.8", "2606:4700::1", "::ffff:10.0.0.1"]],
    ["only", ["fe80::1%eth0"]],
  ])("refuses a name of which the %s address is private, and does not tell which it is", async (_, addresses) => {
    const guard = createNetworkGuard({ allowPrivate: [], lookup: answering(...addresses) });
    const failure = await guard.vet("mail.example", { signal }).catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: "host.refused" });
    expect(String(failure)).not.toMatch(/10\.0|8\.8|mail\.example/);
  });

  it("asks the resolver for the name as it is written in the DNS", async () => {
    const asked: string[] = [];
    const lookup: Lookup = async (name) => {
      asked.push(name);
      return [{ address: "8.8.8.8" }];
    };
    const guard = createNetworkGuard({ allowPrivate: [], lookup });
    for (const host of ["MAIL.Example.", "münchen.example", "_imaps.example"]) await guard.vet(host, { signal });
    expect(asked).toEqual(["mail.example", "xn--mnchen-3ya.example", "_imaps.example"]);
  });

  it("resolves with the system, where `localhost` leads home and is refused", async () => {
    await expect(createNetworkGuard({ allowPrivate: [] }).vet("localhost", { signal })).rejects.toMatchObject({
      code: "host.refused",
    });
  });

  it("says provider.unavailable when the name has no address, does not resolve, or takes too long", async () => {
    const lookups: Lookup[] = [answering(), () => Promise.reject(new Error("ENOTFOUND")), never];
    for (const lookup of lookups) {
      const guard = createNetworkGuard({ allowPrivate: [], lookup, lookupMsMax: 20 });
      await expect(guard.vet("mail.example", { signal })).rejects.toMatchObject({ code: "provider.unavailable" });
    }
  });

  it("stops waiting when its caller does", async () => {
    const stop = new AbortController();
    const answer = createNetworkGuard({ allowPrivate: [], lookup: never }).vet("mail.example", { signal: stop.signal });
    stop.abort();
    await expect(answer).rejects.toMatchObject({ name: "AbortError" });
  });

  it.each([
    ["127.0.0.1", "127.0.0.0/8", true],
    ["localhost-like", "127.0.0.0/8", true],
    ["::ffff:127.0.0.1", "127.0.0.0/8", true],
    ["10.1.2.3", "127.0.0.0/8", false],
    ["fd12::1", "fd00::/8", true],
    ["fe80::1", "fd00::/8", false],
    ["169.254.169.254", "169.254.0.0/17", false],
  ])("with %s under %s: allowed is %s", async (host, cidr, isAllowed) => {
    const guard = createNetworkGuard({ allowPrivate: parseCidrs(cidr), lookup: answering("127.0.0.1") });
    const result = await guard.vet(host, { signal }).then(
      () => true,
      () => false,
    );
    expect(result).toBe(isAllowed);
  });
});

describe("parseCidrs", () => {
  it("reads ranges of both families, parted by commas or blanks", () => {
    expect(parseCidrs("")).toEqual([]);
    expect(parseCidrs(" 10.0.0.0/8,fd00::/8\n192.168.1.7/32 ")).toEqual(["10.0.0.0/8", "fd00::/8", "192.168.1.7/32"]);
  });

  it.each([
    ["10.0.0.1", "entry 1 has no prefix length"],
    ["10.0.0.0/8, 10.0.0.1/8", "entry 2 has bits set behind its prefix; expected 10.0.0.0/8"],
    ["fd00::1/8", "entry 1 has bits set behind its prefix; expected fd00::/8"],
    ["10.0.0.0/33", "entry 1 is no CIDR range"],
    ["10/8", "entry 1 is no CIDR range"],
    ["0x0a.0.0.0/8", "entry 1 is no CIDR range"],
    ["10.0.0.0/8/8", "entry 1 is no CIDR range"],
    ["canary/8", "entry 1 is no CIDR range"],
  ])("refuses %s and says why, not what", (text, problem) => {
    expect(() => parseCidrs(text)).toThrow(`NETWORK_ALLOW_PRIVATE: ${problem}`);
    expect(() => parseCidrs(text)).not.toThrow("canary");
  });
});
