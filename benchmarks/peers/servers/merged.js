// Resolver maps laid over each other, type by type.
export function merged (...maps) {
  const all = {}
  for (const map of maps) {
    for (const [type, fields] of Object.entries(map)) {
      const plain = Object.getPrototypeOf(fields) === Object.prototype
      all[type] = plain ? { ...all[type], ...fields } : fields
    }
  }
  return all
}
