/**
 * How each proxy is started with what docs/deploy.md shows of it: what has to stand around the block in a folder of its own, and
 * the line of the block that says where it listens. The servers' addresses are replaced in all of them in the same way.
 */

import { writeFileSync } from "node:fs";
import { join } from "node:path";

const modules = (...names) => names.map((name) => `LoadModule ${name}_module /usr/lib/apache2/modules/mod_${name}.so`).join("\n");

const apache = (...more) => ({
  around: (block, folder, port) => `ServerName localhost\nListen 127.0.0.1:${port}\nServerRoot ${folder}\nDefaultRuntimeDir ${folder}
    PidFile ${folder}/pid\nErrorLog ${folder}/log\nUser nobody\nGroup nogroup\n${modules("mpm_event", "authz_core", "proxy", "proxy_http", ...more)}\n${block}`,
  command: (folder, file) => ["apache2", "-DFOREGROUND", "-f", file],
});

/**
 * `listen` is what the block says and what is written in its place; `command` gets the folder, the file with the block, and the
 * port. `servers` is how many the block names, `sticky` says that long polling needs its cookie, `delay` is the `Drain::delay` in
 * milliseconds that the page asks for, `asksNobody` says that a handshake at the moment of a stop may fail, `away` is what a
 * handshake reads while no server is there. `heading` and `block` say where the block is, if it is not the first under the name.
 */
export const programs = {
  nginx: {
    listen: ["listen 80;", (port) => `listen 127.0.0.1:${port};`],
    around: (block, folder) => `daemon off; pid ${folder}/pid; error_log ${folder}/log;
      events { worker_connections 512; }
      http { access_log off; client_body_temp_path ${folder}/body; proxy_temp_path ${folder}/proxy; fastcgi_temp_path ${folder}/f;
        uwsgi_temp_path ${folder}/u; scgi_temp_path ${folder}/s;
        ${block} }`,
    command: (folder, file) => ["nginx", "-e", `${folder}/log`, "-p", folder, "-c", file],
    servers: 2, away: 502,
  },
  "nginx, streams": {
    heading: "PROXY protocol",
    listen: ["listen 80;", (port) => `listen 127.0.0.1:${port};`],
    around: (block, folder) => `load_module /usr/lib/nginx/modules/ngx_stream_module.so; daemon off; pid ${folder}/pid; error_log ${folder}/log;
      events { worker_connections 512; }
      ${block}`,
    command: (folder, file) => ["nginx", "-e", `${folder}/log`, "-p", folder, "-c", file],
    servers: 2, away: 0,
  },
  HAProxy: {
    listen: ["bind :80", (port) => `bind 127.0.0.1:${port}`],
    command: (folder, file) => ["haproxy", "-db", "-q", "-f", file],
    servers: 2, sticky: true, delay: 2_000, away: 503,
  },
  Caddy: {
    listen: ["http://chat.example.com {", (port) => `http://127.0.0.1:${port} {`],
    around: (block) => `{\n\tadmin off\n\tauto_https off\n}\n${block}`,
    command: (folder, file) => [process.env.CADDY ?? "caddy", "run", "--adapter", "caddyfile", "--config", file],
    // It asks for a body before its server has, and closes on one above 256 KiB that the server does not want.
    servers: 2, delay: 2_000, away: 503, asked: 100_000,
  },
  Apache: { ...apache(), servers: 1, away: 503 },
  "Apache, several servers": {
    ...apache("proxy_balancer", "slotmem_shm", "lbmethod_byrequests", "headers"),
    heading: "Apache", block: 1, servers: 2, sticky: true, asksNobody: true, away: 503,
  },
  Traefik: {
    command: (folder, file, port) => [process.env.TRAEFIK ?? "traefik", `--entrypoints.web.address=127.0.0.1:${port}`, `--providers.file.filename=${file}`],
    file: "dynamic.yml", servers: 2, sticky: true, delay: 3_000, away: 502,
  },
  Envoy: {
    listen: ["address: 0.0.0.0, port_value: 80 ", (port) => `address: 127.0.0.1, port_value: ${port} `],
    command: (folder, file) => [process.env.ENVOY ?? "envoy", "--use-dynamic-base-id", "--log-level", "error", "-c", file],
    // Of a loopback client it writes the machine's own address.
    file: "envoy.yaml", servers: 2, away: 503, ownAddress: true,
  },
  Varnish: {
    command: (folder, file, port) => ["varnishd", "-F", "-f", file, "-a", `127.0.0.1:${port}`, "-n", folder, "-s", "malloc,16m", "-j", "none"],
    servers: 1, away: 0,
  },
  lighttpd: {
    around: (block, folder, port) => `server.document-root = "${folder}"\nserver.bind = "127.0.0.1"\nserver.port = ${port}\n${block}`,
    command: (folder, file) => ["lighttpd", "-D", "-f", file],
    servers: 1, away: 503,
  },
  h2o: {
    listen: ["{ port: 80 }", (port) => `{ host: 127.0.0.1, port: ${port} }`],
    around: (block) => `user: root\nnum-threads: 1\n${block}`,
    command: (folder, file) => ["h2o", "-c", file],
    servers: 1, away: 502,
  },
  nghttpx: {
    listen: ["frontend=*,80;no-tls", (port) => `frontend=127.0.0.1,${port};no-tls`],
    command: (folder, file) => ["nghttpx", `--conf=${file}`],
    servers: 1, away: 502,
  },
  Squid: {
    listen: ["http_port 80 ", (port) => `http_port 127.0.0.1:${port} `],
    around: (block, folder) => `${block}\npid_filename none\naccess_log none\ncache_log ${folder}/log\nnetdb_filename none\ncoredump_dir ${folder}\nvisible_hostname localhost\nshutdown_lifetime 0 seconds`,
    command: (folder, file, port) => ["squid", "-N", "-n", `gateway${port}`, "-f", file],
    servers: 1, away: 503,
  },
};

/** Writes the block with these ports into the folder; returns the command that starts the proxy. */
export function prepared(program, block, folder, { port, servers: serverPort, monitoring }) {
  const { listen, around = (text) => text, file = "configuration", command } = program;
  let text = block;
  if (listen) {
    const [said, write] = listen;
    if (!text.includes(said)) throw new Error(`the block does not say "${said}"`);
    text = text.replace(said, write(port));
  }
  text = text.replaceAll("10.0.0.1", "127.0.0.1").replaceAll(/\b3000\b/g, serverPort).replaceAll(/\b9000\b/g, monitoring);
  const path = join(folder, file);
  writeFileSync(path, `${around(text, folder, port)}\n`);
  return command(folder, path, port);
}
