"""The unhappy paths of an order, one chapter each, in the words of who meets them."""
