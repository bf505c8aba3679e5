// Pull and push documents with PouchDB and express-pouchdb over loopback; run by pouchdb.py.
const fs = require("fs");
const express = require("express");
const PouchDB = require("pouchdb");

const count = Number(process.argv[2]);
for (const folder of ["server", "device"]) {
  fs.rmSync(folder, { recursive: true, force: true });
  fs.mkdirSync(folder);
}
const Server = PouchDB.defaults({ prefix: "./server/" });
const Device = PouchDB.defaults({ prefix: "./device/" });
const app = express();
app.use("/db", require("express-pouchdb")(Server, { mode: "minimumForPouchDB", logPath: "./log.txt" }));
const settings = { batch_size: 1000, batches_limit: 10 };

const documents = [];
for (let number = 0; number < count; number++) {
  const _id = "k" + String(number).padStart(6, "0");
  documents.push({ _id, n: number, title: "a title of a note", text: "x".repeat(200), tags: ["a", "b"] });
}

async function fill(database) {
  for (let start = 0; start < count; start += 1000) {
    await database.bulkDocs(documents.slice(start, start + 1000));
  }
}

async function timed(work) {
  const begun = process.hrtime.bigint();
  await work();
  return Number(process.hrtime.bigint() - begun) / 1e9;
}

const listener = app.listen(0, async () => {
  const url = `http://127.0.0.1:${listener.address().port}/db/`;
  await fill(new Server("one"));
  const device = new Device("pulled");
  const pull = await timed(() => device.replicate.from(url + "one", settings));
  const writer = new Device("pushed");
  await fill(writer);
  const push = await timed(() => writer.replicate.to(url + "two", settings));
  console.log(JSON.stringify({ pull, push }));
  process.exit(0);
});
