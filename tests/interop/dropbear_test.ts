import { DropbearClient, DropbearServer } from "../helpers/dropbear.ts";
import { keyNames } from "../helpers/peer_files.ts";
import { describePeerClient } from "../helpers/peer_client_suite.ts";
import { describePeerServer } from "../helpers/peer_server_suite.ts";
import { describePeer } from "../helpers/peers.ts";

/** What Dropbear 2022.83 has of what is supported here. */
const algorithms = {
  kex: [
    "curve25519-sha256",
    "curve25519-sha256@libssh.org",
    "ecdh-sha2-nistp521",
    "ecdh-sha2-nistp384",
    "ecdh-sha2-nistp256",
    "diffie-hellman-group14-sha256",
  ],
  hostKeys: [
    "ssh-ed25519",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "rsa-sha2-256",
  ],
  ciphers: ["chacha20-poly1305@openssh.com", "aes128-ctr", "aes256-ctr"],
  macs: ["hmac-sha2-256"],
  compression: ["zlib@openssh.com", "none"],
};

const prefers = {
  kex: "curve25519-sha256",
  hostKey: "ssh-ed25519",
  cipher: "chacha20-poly1305@openssh.com",
  mac: null,
  compression: "zlib@openssh.com",
  strictKex: true,
};

describePeer(["dbclient", "dropbearconvert"], "dropbear", (dbclient, dropbearconvert) => {
  describePeerClient("its client and our server", {
    start: ({ directory }) => new DropbearClient({ dbclient, dropbearconvert }, directory),
    version: /^SSH-2\.0-dropbear_/,
    prefers,
    agrees: prefers,
    methods: ["password", "publickey", "keyboard-interactive"],
    signatures: {
      "ssh-ed25519": "ssh-ed25519",
      "ecdsa-sha2-nistp256": "ecdsa-sha2-nistp256",
      "ecdsa-sha2-nistp384": "ecdsa-sha2-nistp384",
      "ecdsa-sha2-nistp521": "ecdsa-sha2-nistp521",
      "rsa-sha2-256": "rsa",
    },
    algorithms,
    // Its exit status is 0 then.
    tellsSignals: false,
    // It does so after a gigabyte, or eight hours, whatever it is told.
    rekeyBytes: null,
  });
});

describePeer(
  ["dropbear", "dropbearconvert", "nss_wrapper"],
  "dropbear",
  (dropbear, dropbearconvert, wrapper) => {
    describePeerServer("our client and its server", {
      start: ({ directory }) =>
        new DropbearServer({ dropbear, dropbearconvert, wrapper }, directory),
      version: /^SSH-2\.0-dropbear_/,
      agrees: { ...prefers, compression: "none" },
      methods: ["password", "publickey"],
      // It takes four.
      hostKeys: ["ssh-ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp521", "rsa"],
      userKeys: keyNames,
      algorithms: {
        ...algorithms,
        hostKeys: algorithms.hostKeys.filter((name) => name !== "ecdsa-sha2-nistp384"),
      },
      tellsSignals: true,
      // As its client.
      rekeyBytes: null,
    });
  },
);
