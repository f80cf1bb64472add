"""The words of the seed: who makes what, and what is said about it. Everything here is made up."""

from __future__ import annotations

from typing import NamedTuple

from testproject.shop.models import Craft


class Maker(NamedTuple):
    """One artisan with ten products."""

    name: str
    craft: Craft
    town: str
    story: str
    products: tuple[str, ...]


MAKERS = (
    Maker(
        "Ines Carvalho", Craft.POTTERY, "Caldas da Rainha",
        "Ines throws stoneware on a kick wheel her grandmother built, and fires it with olive prunings from next door.",
        ("Ash-Glazed Teapot", "Tall Meadow Vase", "Harbour Blue Bowl", "Speckled Egg Cup", "Two-Handed Soup Bowl",
         "Celadon Tea Bowl", "Salt Cellar with Oak Lid", "Morning Mug", "Honey Jar", "Rain-Drip Planter"),
    ),
    Maker(
        "Tomasz Wilk", Craft.POTTERY, "Bolesławiec",
        "Tomasz stamps every pattern with sponges he cuts himself; no two borders meet in the same place.",
        ("Peacock-Eye Plate", "Sponge-Stamped Jug", "Fluted Pie Dish", "Clover Butter Dish", "Winter Berry Cup",
         "Lidded Ginger Jar", "Fisherman's Platter", "Cornflower Creamer", "Oven-Safe Casserole", "Garlic Keeper"),
    ),
    Maker(
        "Aila Sunna", Craft.WEAVING, "Jokkmokk",
        "Aila dyes her wool with birch leaf, lichen and madder, then weaves through the dark months by the window.",
        ("Birch Leaf Blanket", "Northern Light Throw", "Madder Red Cushion", "Lichen Shawl", "Fireside Rug",
         "Band-Woven Belt", "Snowfield Table Runner", "Reindeer Moss Scarf", "Twill Tea Towel", "Long Night Wall Hanging"),
    ),
    Maker(
        "Samuel Okoro", Craft.WEAVING, "Iseyin",
        "Samuel weaves narrow strips on a loom that stretches across the yard, and sews them into cloth that lasts.",
        ("Indigo Strip Cloth", "Harvest Wrap", "Sunset Shoulder Cloth", "Market Day Bag", "Checked Napkin Set",
         "Festival Sash", "Cotton Hammock", "Doorway Curtain", "Yam Gold Throw", "River Pattern Pillow"),
    ),
    Maker(
        "Hana Novák", Craft.WOODWORK, "Telč",
        "Hana turns bowls from trees that storms brought down, and leaves the story of each branch in the rim.",
        ("Storm Ash Bowl", "Walnut Serving Board", "Cherry Rolling Pin", "Pear Wood Spoon", "Three-Legged Milking Stool",
         "Burr Elm Platter", "Beech Pestle and Mortar", "Plum Wood Candle Cup", "Nesting Box", "Apple Core Bookends"),
    ),
    Maker(
        "Mateo Quispe", Craft.WOODWORK, "Ayacucho",
        "Mateo carves retablos and small animals; the paint is ground from stones he collects on the way to work.",
        ("Painted Retablo", "Alder Wood Llama", "Carved Spice Box", "Condor Wall Mask", "Market Scene Panel",
         "Singing Frog Rasp", "Orchard Puzzle", "Cedar Letter Tray", "Spinning Top Trio", "Moon Phase Mobile"),
    ),
    Maker(
        "Chiara Zanetti", Craft.GLASS, "Murano",
        "Chiara pulls canes of coloured glass thin as spaghetti, and lays them by hand before the furnace takes over.",
        ("Lagoon Tumbler", "Millefiori Paperweight", "Twisted Cane Goblet", "Sea Mist Carafe", "Amber Bud Vase",
         "Filigree Dessert Plate", "Bubble Ornament", "Night Tide Pitcher", "Dawn Pendant Lamp", "Gold Leaf Thimble Cup"),
    ),
    Maker(
        "Farid Haddad", Craft.GLASS, "Sarafand",
        "Farid melts bottles that neighbours bring in the evening, and gives them back as something to keep.",
        ("Recycled Green Jug", "Bottle Blue Beaker", "Lantern of Small Panes", "Oil and Vinegar Pair", "Cloud White Bowl",
         "Ribbed Water Glass", "Stained Window Star", "Sand-Cast Tile", "Smoke Grey Decanter", "Hanging Terrarium"),
    ),
    Maker(
        "Mei-Ling Tan", Craft.JEWELLERY, "George Town",
        "Mei-Ling beads slippers and brooches by the peranakan patterns her aunt kept in a biscuit tin.",
        ("Beaded Peony Brooch", "Jade Drop Earrings", "Phoenix Hairpin", "Pearl Thread Bracelet", "Lotus Seed Necklace",
         "Silver Knot Ring", "Butterfly Collar Pin", "Moonstone Studs", "Lucky Cloud Pendant", "Coral Branch Cuff"),
    ),
    Maker(
        "Eilidh MacRae", Craft.JEWELLERY, "Stromness",
        "Eilidh casts silver in cuttlefish bone from the beach below the house: the waves are already in it.",
        ("Tideline Ring", "Skerry Pendant", "Cuttlebone Bangle", "Sea Glass Earrings", "Storm Petrel Brooch",
         "Rope Chain Necklace", "Pebble Cufflinks", "Whorl Stacking Rings", "Kelp Frond Tiara", "Lighthouse Charm"),
    ),
    Maker(
        "Kenji Morita", Craft.PAPER, "Echizen",
        "Kenji makes washi in winter water, when it is cold enough for the fibres to lie down quietly.",
        ("Washi Table Lamp", "Indigo Notebook", "Folding Star Screen", "Crane Mobile", "Marbled Letter Set",
         "Cherry Bark Folder", "Snow Pattern Wrapping", "Pocket Sketchbook", "Paper Fan of Reeds", "Moon Lantern"),
    ),
    Maker(
        "Rosa Delgado", Craft.PAPER, "San Agustín Etla",
        "Rosa cuts feast-day banners with forty chisels and one mallet, eight sheets of tissue at a time.",
        ("Feast Day Banner", "Marigold Garland", "Cactus Pop-Up Card", "Bark Paper Print", "Hand-Bound Recipe Book",
         "Fiesta Piñata Star", "Calendar of Saints", "Hummingbird Cut-Out", "Agave Fibre Journal", "Night Market Bunting"),
    ),
)

MATERIAL = {
    Craft.POTTERY: "Wheel-thrown stoneware, fired twice and safe in the dishwasher.",
    Craft.WEAVING: "Woven by hand from plant-dyed yarn; wash it cool and dry it flat.",
    Craft.WOODWORK: "Local hardwood, finished with linseed oil and beeswax.",
    Craft.GLASS: "Mouth-blown glass; small bubbles are the maker's breath, not a fault.",
    Craft.JEWELLERY: "Recycled sterling silver, made to order and hallmarked.",
    Craft.PAPER: "Paper made and cut by hand, without acid, to last longer than we do.",
}
REMARKS = (
    "Each one is numbered on the base.",
    "Made in batches of twelve, when the season allows it.",
    "It grows more beautiful with use.",
    "Packed in straw and a note from the workshop.",
    "No two come out alike, and that is the point.",
)
# Name, claim, percent, first day and last day from today. One announces nothing off: `savings` divides by it.
PROMOTIONS = (
    ("Spring Kiln Opening", "The first firing of the year, straight from the kiln.", 20, -20, 40),
    ("Hearth and Home", "Warm things for long evenings.", 15, -10, 50),
    ("Maker of the Month", "One workshop, all of its shelves.", 25, -5, 25),
    ("Gifts Under Thirty", "Small things that say a lot.", 10, -30, 60),
    ("Meet the Makers", "Nothing off, but a letter from the workshop with every order.", 0, -15, 45),
    ("Last of the Batch", "When they are gone, they are gone.", 35, -7, 30),
    ("Winter Fair", "The stalls are packed up until next year.", 30, -120, -60),
    ("Harvest Market", "Opens when the apples are in.", 15, 50, 80),
)
BUYERS = (
    "Ada Lindqvist", "Ben Adeyemi", "Clara Moreau", "Dev Patel", "Elsa Virtanen", "Femi Bello", "Greta Hoffmann",
    "Hugo Silva", "Iris Papadaki", "Jonas Berg", "Kamala Rao", "Luca Ferri", "Maya Cohen", "Noah Janssen",
    "Olga Petrenko", "Pablo Ruiz", "Quinn Murphy", "Rania Aziz", "Sven Dahl", "Tara Singh",
)
CUSTOMERS = ("ada", "ben", "clara", "dev", "elsa", "femi")
OPINIONS = (
    (5, "Even better than the picture. It has a place of honour on the shelf."),
    (5, "You can see the hand that made it. I have already ordered a second."),
    (4, "Beautiful, and a little smaller than I thought."),
    (5, "It arrived wrapped like a present, with a note from the maker."),
    (4, "The colour is deeper than on my screen, which I like."),
    (3, "Lovely work, slow parcel."),
)
