// Where the files of a take are: beside the page, or under links that hold for some days.

const ENDINGS = { video: ".mp4", last: ".last.png", poster: ".poster.webp", receipt: ".receipt.json" };

function fileOf(batch, take, kind) {
  const links = batch.links && batch.links[take.at];
  if (links) return links[Object.keys(ENDINGS).indexOf(kind)] || "";
  return `${take.id}${ENDINGS[kind]}`;
}

function pictureOf(batch, take) {
  return fileOf(batch, take, take.poster ? "poster" : "last");
}
