"""Descriptions of the fields that the messages of all streams have in common."""

KIND = "Whether it is a snapshot, an event or a rider position."
CURSOR = "Pass it as `after` to resume after this message, on any connection."
OCCURRED_AT = "Time of the event, by the database's clock; null unless the message is an EVENT."
EVENT_TYPE = "Type of the event; null unless the message is an EVENT."
