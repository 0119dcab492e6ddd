"""Numbers that other people and tools arrived at, each with its source."""

# tifa160: mean of the five evaluators against a metric, n = 800 -> (Pearson, Spearman, Kendall tau-b), None where not
# listed.
# Recomputed with pandas and SciPy from j-min/DSG @ 7330119a and Yushi-Hu/tifa @ 8e37050f; the three dsg rows are also
# published in DSG's README.
TIFA160_CORRELATIONS = {
    "dsg_pali17b": (None, 0.571, 0.458),
    "dsg_mplug": (None, 0.463, 0.380),
    "dsg_instructblip": (None, 0.442, 0.364),
    "tifa_mplug-large": (0.590, 0.608, None),
    "clipscore_vitb32": (0.287, 0.276, None),  # pandas and SciPy on the file as it is: 0.27647
}

# tifa160: Krippendorff's alpha over the five evaluators, same source
TIFA160_ALPHA = {"nominal": 0.3969, "ordinal": 0.6854, "interval": 0.6844}

# tifa160: one evaluator against the mean of the other four -> (Pearson, Spearman), same source
TIFA160_EVALUATORS = {
    "4375840905": (0.8426, 0.8483),
    "4375843592": (0.8415, 0.8434),
    "4379690288": (0.7660, 0.7593),
    "4387897261": (0.7281, 0.7265),
    "4389767429": (0.7880, 0.7906),
}

# tifa160, k = 1, to two digits: fold grades (constant, person, mapped clipscore, mapped tifa_mplug-large) and an
# evaluator against the mean of the others; same source
TIFA160_GRADES = {
    "constant": 0.80,
    "person": 0.87,
    "clipscore_vitb32": 0.81,
    "tifa_mplug-large": 0.84,
    "evaluator": 0.88,
}

# AVT AI images, image appeal of the 22 users with more than 400 rows, double votes averaged first, n = 146
# -> (Pearson, Kendall tau-b, Spearman). Recomputed with pandas and SciPy from
# Telecommunication-Telemedia-Assessment/avt_ai_images @ c02dd759.
AVT_APPEAL = {
    "NIQE": (-0.426580, -0.266654, -0.393835),
    "BRISQUE": (-0.377541, -0.228982, -0.329807),
    "MANIQA": (0.338521, 0.238685, 0.367117),
    "MUSIQ": (0.153383, 0.091992, 0.145908),
}
