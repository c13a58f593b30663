"""LanceDB: a table in a folder that embeds its texts and questions with ortembed."""

import lancedb
from lancedb.pydantic import LanceModel, Vector

from ortembed.integrations.lancedb import OrtembedEmbeddings

model = OrtembedEmbeddings.create("all-minilm-l6-v2")


class Note(LanceModel):
    """A row; LanceDB fills in the vector."""

    topic: str
    text: str = model.SourceField()
    vector: Vector(model.ndims()) = model.VectorField()


notes = lancedb.connect("notes.lancedb").create_table("notes", schema=Note, mode="overwrite")
notes.add(
    [
        {"topic": "animals", "text": "A cat sat on the mat."},
        {"topic": "money", "text": "Stocks fell sharply on Monday."},
        {"topic": "kitchen", "text": "Bake the bread for forty minutes."},
    ]
)

found = notes.search("kitten on a rug").distance_type("cosine").limit(1)
print(found.to_list()[0]["text"])

found = notes.search("kitten on a rug").distance_type("cosine").where("topic = 'kitchen'").limit(1)
print(found.to_list()[0]["text"])
