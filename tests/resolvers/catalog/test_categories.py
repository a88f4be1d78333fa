from database.sessions import Database
from tests.support.city import City
from tests.support.graph_queries import GraphRunner, record_statements


async def test_a_category_is_the_same_by_slug_and_by_id_and_does_not_load_the_tree(
    ask: GraphRunner, city: City, database: Database
) -> None:
    document = """
    query Branch($location: GeoPointInput!, $slug: String, $id: ID) {
      storefront(location: $location) {
        category(slug: $slug, id: $id) {
          id products(first: 50) { nodes { id category { slug } } }
        }
      }
    }
    """
    with record_statements(database) as sent:
        answer = await ask(document, {"location": city.point, "slug": "food"})
    branch = answer.data["storefront"]["category"]
    assert branch["products"]["nodes"]
    assert len([one for one in sent if not one.startswith("BEGIN")]) == 3
    again = await ask(document, {"location": city.point, "id": branch["id"]})
    assert again.data["storefront"]["category"] == branch
