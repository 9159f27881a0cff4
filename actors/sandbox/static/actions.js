// What a person does, told to the server.

export async function post(action, what) {
  const response = await fetch(`/sandbox/${action}`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(what),
  });
  if (!response.ok) throw new Error(`${response.status}`);
  return response.json();
}

// Resolves to the download code of the file.
export async function attach(file) {
  const data = btoa(Array.from(new Uint8Array(await file.arrayBuffer()), (byte) => String.fromCharCode(byte)).join(""));
  return (await post("attach", { data, name: file.name, kind: file.type || "application/octet-stream" })).downloadCode;
}
