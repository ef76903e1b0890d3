/** A service's metric with these labels, whatever others it has, of `/metrics`; 0 where it has none. */
export async function metricOf(url: string, name: string, labels: Readonly<Record<string, string>>): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text()
  const wanted = Object.entries(labels).map(([label, value]) => `${label}="${value}"`)
  const line = text
    .split('\n')
    .find((each) => each.startsWith(`${name}{`) && wanted.every((label) => each.includes(label)))
  return Number(line?.split(' ').at(-1) ?? 0)
}
