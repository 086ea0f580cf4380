import assert from "node:assert/strict";
import { BlockList, isIPv6 } from "node:net";
import test from "node:test";
import fc from "../../../test/support/properties.ts";
import { type AddressClass, classifyAddress, isPublicAddress } from "./address.ts";

const EXPECTED: Record<AddressClass, readonly string[]> = {
  public: [
    "1.1.1.1",
    "8.8.8.8",
    "9.255.255.255",
    "11.0.0.0",
    "100.63.255.255",
    "100.128.0.0",
    "126.255.255.255",
    "128.0.0.1",
    "172.15.0.1",
    "172.32.0.1",
    "192.0.1.1",
    "192.167.0.1",
    "192.169.0.1",
    "198.17.0.1",
    "198.20.0.1",
    "223.255.255.255",
    "2606:4700::1111",
    "2a00:1450:4001:81b::200e",
    "2001:4860:4860::8888",
    "::ffff:8.8.8.8",
    "::ffff:808:808",
    "64:ff9b::8.8.8.8",
  ],
  unspecified: ["0.0.0.0", "0.1.2.3", "::", "0:0:0:0:0:0:0:0", "::ffff:0.0.0.0", "0::0"],
  loopback: [
    "127.0.0.1",
    "127.255.255.254",
    "::1",
    "0:0:0:0:0:0:0:1",
    "0000:0000:0000:0000:0000:0000:0000:0001",
    "::ffff:127.0.0.1",
    "::ffff:7f00:1",
    "::FFFF:7F00:1",
    "0:0:0:0:0:ffff:127.0.0.1",
    "::ffff:0:127.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b::127.0.0.1",
  ],
  private: [
    "10.0.0.1",
    "10.255.255.255",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.1.1",
    "fc00::1",
    "fd12:3456:789a::1",
    "FD00::",
    "fec0::1",
    "::ffff:10.0.0.1",
    "::ffff:c0a8:101",
    "64:ff9b::a00:1",
  ],
  shared: ["100.64.0.1", "100.127.255.255", "::ffff:100.64.0.1"],
  "link-local": ["169.254.169.254", "fe80::1", "febf::1", "::ffff:169.254.169.254", "::ffff:a9fe:a9fe", "64:ff9b::169.254.169.254"],
  multicast: ["224.0.0.1", "239.255.255.250", "ff02::1", "::ffff:224.0.0.1"],
  reserved: [
    "192.0.0.1",
    "192.0.2.1",
    "198.18.0.1",
    "198.19.255.255",
    "198.51.100.7",
    "203.0.113.9",
    "240.0.0.1",
    "255.255.255.255",
    "::8.8.8.8",
    "::2",
    "2001:db8::1",
    "2001:20::1",
    "2001:1ff::1",
    "3fff::1",
    "100::1",
    "64:ff9b:1::a00:1",
    "4000::1",
    "5f00::1",
  ],
  tunnel: ["192.88.99.1", "2002:7f00:1::", "2002:808:808::1", "2001:0:1234::1", "2001::1"],
  invalid: [
    "",
    "localhost",
    "1.2.3",
    "1.2.3.4.5",
    "256.1.1.1",
    "01.2.3.4",
    "0x7f.1",
    "2130706433",
    "1.2.3.4 ",
    "[::1]",
    "fe80::1%eth0",
    "1::2::3",
    "1:2:3:4:5:6:7",
    "1:2:3:4:5:6:7:8:9",
    "12345::",
    "g::",
    ":1",
    "1:",
    ":::",
    "::1.2.3",
    "1:2:3:4:5:6:7::8:9",
    "::1.2.3.256",
  ],
};

for (const [kind, addresses] of Object.entries(EXPECTED)) {
  test(`${kind} addresses are recognised in every spelling`, () => {
    for (const address of addresses) assert.equal(classifyAddress(address), kind, address);
  });
}

test("no address of a refused range passes as public, plain or embedded", () => {
  const refused = new BlockList();
  for (const [network, length] of [
    ["10.0.0.0", 8],
    ["127.0.0.0", 8],
    ["169.254.0.0", 16],
    ["172.16.0.0", 12],
    ["192.168.0.0", 16],
    ["100.64.0.0", 10],
  ] as const) {
    refused.addSubnet(network, length);
  }
  fc.assert(
    fc.property(fc.ipV4(), (address) => {
      const dangerous = refused.check(address);
      const [a, b, c, d] = address.split(".").map(Number) as [number, number, number, number];
      const hex = `${(a * 256 + b).toString(16)}:${(c * 256 + d).toString(16)}`;
      for (const spelling of [address, `::ffff:${address}`, `::ffff:${hex}`, `64:ff9b::${hex}`, `::${address}`, `2002:${hex}::`]) {
        if (dangerous) assert.equal(isPublicAddress(spelling), false, spelling);
      }
    }),
    { numRuns: 2_000 },
  );
});

test("what Node takes for an IPv6 address is parsed, and nothing else is", () => {
  fc.assert(
    fc.property(fc.oneof(fc.ipV6(), fc.stringMatching(/^[0-9a-f:.]{2,24}$/)), (address) => {
      assert.equal(
        classifyAddress(address) !== "invalid",
        isIPv6(address) || /^(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(?:\.(?!$)|$)){4}$/.test(address),
        address,
      );
    }),
    { numRuns: 5_000 },
  );
});
