from database.sessions import Database
from tests.support.city import City
from tests.support.graph_queries import Asking, statements


async def test_a_branch_is_the_same_by_slug_and_by_id_and_needs_no_tree(
    ask: Asking, city: City, database: Database
) -> None:
    document = """
    query Branch($at: GeoPointInput!, $slug: String, $id: ID) {
      storefront(at: $at) {
        category(slug: $slug, id: $id) {
          id products(first: 50) { nodes { id category { slug } } }
        }
      }
    }
    """
    with statements(database) as sent:
        told = await ask(document, {"at": city.point, "slug": "food"})
    branch = told.data["storefront"]["category"]
    assert branch["products"]["nodes"]
    assert len([one for one in sent if not one.startswith("BEGIN")]) == 3
    again = await ask(document, {"at": city.point, "id": branch["id"]})
    assert again.data["storefront"]["category"] == branch
