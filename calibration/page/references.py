"""What the methods paragraph cites, in full."""

REFERENCES = {
    "deepsense": "deepsense.ai (2023). Diffusion models in practice, part 2: How good is your model? deepsense.ai.",
    "stone": "Stone, M. (1974). Cross-validatory choice and assessment of statistical predictions. Journal of the "
    "Royal Statistical Society, Series B, 36(2), 111-147.",
    "spearman": "Spearman, C. (1904). The proof and measurement of association between two things. American Journal of "
    "Psychology, 15(1), 72-101.",
    "kendall": "Kendall, M. G. (1945). The treatment of ties in ranking problems. Biometrika, 33(3), 239-251.",
    "foster": "Deutsch, D., Foster, G., & Freitag, M. (2023). Ties matter: Meta-evaluating modern metrics with "
    "pairwise accuracy and tie calibration. Proceedings of EMNLP 2023, 12914-12929.",
    "cohen": "Cohen, J. (1968). Weighted kappa: Nominal scale agreement provision for scaled disagreement or partial "
    "credit. Psychological Bulletin, 70(4), 213-220.",
    "krippendorff": "Krippendorff, K. (2004). Content analysis: An introduction to its methodology (2nd ed.). Sage.",
    "shrout": "Shrout, P. E., & Fleiss, J. L. (1979). Intraclass correlations: Uses in assessing rater reliability. "
    "Psychological Bulletin, 86(2), 420-428.",
    "efron": "Efron, B., & Tibshirani, R. J. (1993). An introduction to the bootstrap. Chapman & Hall.",
    "stein": "Efron, B., & Stein, C. (1981). The jackknife estimate of variance. Annals of Statistics, 9(3), 586-596.",
    "satterthwaite": "Satterthwaite, F. E. (1946). An approximate distribution of estimates of variance components. "
    "Biometrics Bulletin, 2(6), 110-114.",
    "cameron": "Cameron, A. C., Gelbach, J. B., & Miller, D. L. (2011). Robust inference with multiway clustering. "
    "Journal of Business & Economic Statistics, 29(2), 238-249.",
    "ernst": "Ernst, M. D. (2004). Permutation methods: A basis for exact inference. Statistical Science, 19(4), "
    "676-685.",
    "williams": "Williams, E. J. (1959). The comparison of regression variables. Journal of the Royal Statistical "
    "Society, Series B, 21(2), 396-399.",
    "deutsch": "Deutsch, D., Dror, R., & Roth, D. (2021). A statistical analysis of summarization evaluation metrics "
    "using resampling methods. Transactions of the Association for Computational Linguistics, 9, 1132-1146.",
    "holm": "Holm, S. (1979). A simple sequentially rejective multiple test procedure. Scandinavian Journal of "
    "Statistics, 6(2), 65-70.",
    "benjamini": "Benjamini, Y., & Yekutieli, D. (2001). The control of the false discovery rate in multiple testing "
    "under dependency. Annals of Statistics, 29(4), 1165-1188.",
    "calderon": "Calderon, N., Reichart, R., & Dror, R. (2025). The alternative annotator test for LLM-as-a-judge: How "
    "to statistically justify replacing human annotators with LLMs. arXiv:2501.10970.",
    "dempster": "Dempster, A. P., Laird, N. M., & Rubin, D. B. (1977). Maximum likelihood from incomplete data via the "
    "EM algorithm. Journal of the Royal Statistical Society, Series B, 39(1), 1-38.",
    "p1401": "ITU-T (2020). Recommendation P.1401: Methods, metrics and procedures for statistical evaluation, "
    "qualification and comparison of objective quality prediction models. International Telecommunication Union.",
    "vovk": "Vovk, V. (2015). Cross-conformal predictors. Annals of Mathematics and Artificial Intelligence, 74(1-2), "
    "9-28.",
    "lu": "Lu, C., Angelopoulos, A. N., & Pomerantz, S. (2022). Improving trustworthiness of AI disease severity "
    "rating in medical imaging with ordinal conformal prediction sets. Medical Image Computing and Computer Assisted "
    "Intervention (MICCAI 2022), Lecture Notes in Computer Science 13438, 545-554.",
}
